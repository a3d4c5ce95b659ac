"""What moderation announces."""

from apps.core.events import DomainEvent

flag_made = DomainEvent("flag_made", "flag_id")
# Of every action that hits a person (`affected_id`): takedowns, suspensions, what undoes them, decided appeals. Closing
# a flag hits nobody and is not told.
action_taken = DomainEvent("action_taken", "action_id")
appeal_decided = DomainEvent("appeal_decided", "appeal_id")
