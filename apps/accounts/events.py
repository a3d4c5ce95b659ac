"""What accounts announce."""

from apps.core.events import DomainEvent

account_created = DomainEvent("account_created", "user_id")
account_made_private = DomainEvent("account_made_private", "user_id")
account_made_public = DomainEvent("account_made_public", "user_id")
# Suspended or leaving: everything of theirs vanishes for everybody else.
account_hidden = DomainEvent("account_hidden", "user_id")
account_shown = DomainEvent("account_shown", "user_id")
# Name, bio or website contain a word or a domain that is blocked and was let through.
blocked_text_in_profile = DomainEvent("blocked_text_in_profile", "user_id", "term_id")
