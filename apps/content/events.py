"""Domain events of posts."""

from apps.core.events import DomainEvent

post_published = DomainEvent("post_published", "post_id", "author_id")
# The caption of a post that is published mentions accounts.
mentions_published = DomainEvent("mentions_published", "post_id", "author_id")
post_failed = DomainEvent("post_failed", "post_id", "author_id")
post_edited = DomainEvent("post_edited", "post_id", "author_id")
# A takedown was undone.
post_restored = DomainEvent("post_restored", "post_id", "author_id")
post_removed = DomainEvent("post_removed", "post_id", "author_id")
# Moderators have hidden a tag, marked it as sensitive, or undone either.
tag_restricted = DomainEvent("tag_restricted", "tag_id")
# A published post contains an image that matches a ban with the effect "flag".
banned_image_posted = DomainEvent("banned_image_posted", "post_id")
# A caption contains a blocked word or domain with the effect "flag".
blocked_text_posted = DomainEvent("blocked_text_posted", "post_id", "term_id")
