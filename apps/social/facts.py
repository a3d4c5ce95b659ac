"""What happens between people."""

from apps.core.facts import Fact

followed = Fact("followed", "follower_id", "followed_id")
unfollowed = Fact("unfollowed", "follower_id", "followed_id")
follow_requested = Fact("follow_requested", "requester_id", "target_id")
follow_withdrawn = Fact("follow_withdrawn", "requester_id", "target_id")
follow_accepted = Fact("follow_accepted", "requester_id", "target_id")
blocked = Fact("blocked", "blocker_id", "blocked_id")
unblocked = Fact("unblocked", "blocker_id", "blocked_id")
muted = Fact("muted", "muter_id", "muted_id")
unmuted = Fact("unmuted", "muter_id", "muted_id")
