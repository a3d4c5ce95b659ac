"""What moderation announces."""

from apps.core.facts import Fact

flag_made = Fact("flag_made", "flag_id")
# Of every action that hits a person (`affected_id`): takedowns, suspensions, what undoes them, decided appeals. Closing
# a flag hits nobody and is not told.
action_taken = Fact("action_taken", "action_id")
appeal_decided = Fact("appeal_decided", "appeal_id")
