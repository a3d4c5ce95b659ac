"""Domain events of the social graph."""

from apps.core.events import DomainEvent

followed = DomainEvent("followed", "follower_id", "followed_id")
unfollowed = DomainEvent("unfollowed", "follower_id", "followed_id")
follow_requested = DomainEvent("follow_requested", "requester_id", "target_id")
follow_withdrawn = DomainEvent("follow_withdrawn", "requester_id", "target_id")
follow_accepted = DomainEvent("follow_accepted", "requester_id", "target_id")
blocked = DomainEvent("blocked", "blocker_id", "blocked_id")
unblocked = DomainEvent("unblocked", "blocker_id", "blocked_id")
muted = DomainEvent("muted", "muter_id", "muted_id")
unmuted = DomainEvent("unmuted", "muter_id", "muted_id")
