"""What engagement announces."""

from apps.core.facts import Fact

post_liked = Fact("post_liked", "post_id", "actor_id")
post_unliked = Fact("post_unliked", "post_id", "actor_id")
comment_made = Fact("comment_made", "comment_id", "post_id", "author_id")
# Removed or taken down, and put back.
comment_hidden = Fact("comment_hidden", "comment_id", "post_id")
comment_shown = Fact("comment_shown", "comment_id", "post_id")
comment_liked = Fact("comment_liked", "comment_id", "actor_id")
comment_unliked = Fact("comment_unliked", "comment_id", "actor_id")
# It contains a word or a domain that is blocked and was let through.
blocked_text_commented = Fact("blocked_text_commented", "comment_id", "term_id")
