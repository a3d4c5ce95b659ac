"""Domain events of engagement."""

from apps.core.events import DomainEvent

post_liked = DomainEvent("post_liked", "post_id", "actor_id")
post_unliked = DomainEvent("post_unliked", "post_id", "actor_id")
comment_made = DomainEvent("comment_made", "comment_id", "post_id", "author_id")
# A comment was removed or taken down, and a takedown was undone.
comment_hidden = DomainEvent("comment_hidden", "comment_id", "post_id")
comment_shown = DomainEvent("comment_shown", "comment_id", "post_id")
comment_liked = DomainEvent("comment_liked", "comment_id", "actor_id")
comment_unliked = DomainEvent("comment_unliked", "comment_id", "actor_id")
# A comment contains a blocked word or domain with the effect "flag".
blocked_text_commented = DomainEvent("blocked_text_commented", "comment_id", "term_id")
