"""Domain events of accounts."""

from apps.core.events import DomainEvent

account_created = DomainEvent("account_created", "user_id")
account_made_private = DomainEvent("account_made_private", "user_id")
account_made_public = DomainEvent("account_made_public", "user_id")
# Suspended or deleted: all content of the account is hidden.
account_hidden = DomainEvent("account_hidden", "user_id")
account_shown = DomainEvent("account_shown", "user_id")
# The name, bio or website contains a blocked term that is reported, not refused.
blocked_text_in_profile = DomainEvent("blocked_text_in_profile", "user_id", "term_id")
