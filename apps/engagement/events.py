"""What engagement announces."""

from apps.core.events import DomainEvent

post_liked = DomainEvent("post_liked", "post_id", "actor_id")
post_unliked = DomainEvent("post_unliked", "post_id", "actor_id")
comment_made = DomainEvent("comment_made", "comment_id", "post_id", "author_id")
# Removed or taken down, and put back.
comment_hidden = DomainEvent("comment_hidden", "comment_id", "post_id")
comment_shown = DomainEvent("comment_shown", "comment_id", "post_id")
comment_liked = DomainEvent("comment_liked", "comment_id", "actor_id")
comment_unliked = DomainEvent("comment_unliked", "comment_id", "actor_id")
# It contains a word or a domain that is blocked and was let through.
blocked_text_commented = DomainEvent("blocked_text_commented", "comment_id", "term_id")
