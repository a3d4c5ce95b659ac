"""Domain events of moderation."""

from apps.core.events import DomainEvent

flag_made = DomainEvent("flag_made", "flag_id")
# For every action with an affected user: takedowns, suspensions, their reversals, decided appeals; not for closed
# reports.
action_taken = DomainEvent("action_taken", "action_id")
appeal_decided = DomainEvent("appeal_decided", "appeal_id")
# The action that closed the report of a user, or that decides the objection of the reporter.
report_decided = DomainEvent("report_decided", "action_id")
