"""What posts announce."""

from apps.core.events import DomainEvent

post_published = DomainEvent("post_published", "post_id", "author_id")
# Of a post that is published: its caption mentions people.
mentions_published = DomainEvent("mentions_published", "post_id", "author_id")
post_failed = DomainEvent("post_failed", "post_id", "author_id")
post_edited = DomainEvent("post_edited", "post_id", "author_id")
# It was taken down, and is what it was.
post_restored = DomainEvent("post_restored", "post_id", "author_id")
post_removed = DomainEvent("post_removed", "post_id", "author_id")
# A banned picture was let through, to be flagged, and is in a post that is published.
banned_image_posted = DomainEvent("banned_image_posted", "post_id")
# Its caption contains a word or a domain that is blocked and was let through.
blocked_text_posted = DomainEvent("blocked_text_posted", "post_id", "term_id")
