"""What posts announce."""

from apps.core.facts import Fact

post_published = Fact("post_published", "post_id", "author_id")
# Of a post that is published: its caption mentions people.
mentions_published = Fact("mentions_published", "post_id", "author_id")
post_failed = Fact("post_failed", "post_id", "author_id")
post_edited = Fact("post_edited", "post_id", "author_id")
# It was taken down, and is what it was.
post_restored = Fact("post_restored", "post_id", "author_id")
post_removed = Fact("post_removed", "post_id", "author_id")
# A banned picture was let through, to be flagged, and is in a post that is published.
banned_image_posted = Fact("banned_image_posted", "post_id")
# Its caption contains a word or a domain that is blocked and was let through.
blocked_text_posted = Fact("blocked_text_posted", "post_id", "term_id")
