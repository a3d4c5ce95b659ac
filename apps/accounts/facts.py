"""What accounts announce."""

from apps.core.facts import Fact

account_created = Fact("account_created", "user_id")
account_made_private = Fact("account_made_private", "user_id")
account_made_public = Fact("account_made_public", "user_id")
# Suspended or leaving: everything of theirs vanishes for everybody else.
account_hidden = Fact("account_hidden", "user_id")
account_shown = Fact("account_shown", "user_id")
# Name, bio or website contain a word or a domain that is blocked and was let through.
blocked_text_in_profile = Fact("blocked_text_in_profile", "user_id", "term_id")
