"""Erasure and export of a user's posts and mentions."""

from contextlib import suppress
from uuid import UUID

from apps.content import services
from apps.content.models import Mention, Post, StaleExposure
from apps.core.db.batches import delete_in_batches
from apps.core.errors import NotFound
from apps.core.privacy import Export


def erase(user_id: UUID) -> None:
    """Post by post, each in its own transaction, so that a crash loses nothing and locks are short. Captions of other
    users that mention the user stay; the mentions are deleted."""
    for post in Post.objects.written_by(user_id).order_by("id").iterator(chunk_size=100):
        with suppress(NotFound):  # it was deleted meanwhile
            services.delete_post(post)
    delete_in_batches(Mention.objects.filter(user=user_id))
    StaleExposure.objects.filter(author=user_id).delete()


def export(user_id: UUID) -> Export:
    """The user's posts in any state, and mentions of the user in posts that the user may see."""
    for post in Post.objects.written_by(user_id).prefetch_related("items").order_by("id").iterator(chunk_size=100):
        yield (
            "posts",
            {
                "id": str(post.pk),
                "caption": post.caption,
                "visibility": post.visibility,
                "status": post.status,
                "taken_down_at": post.taken_down_at,
                "sensitive": post.sensitive,
                "marked_sensitive": post.marked_sensitive,
                "reach_limited": post.reach_limited,
                "comments_enabled": post.comments_enabled,
                "media": [str(item.medium_id) for item in sorted(post.items.all(), key=lambda item: item.position)],
                "created_at": post.created_at,
                "published_at": post.published_at,
                "edited_at": post.edited_at,
            },
        )
    mentioned_in = Mention.objects.filter(user=user_id, post__in=Post.objects.visible_to(user_id))
    for mention in mentioned_in.select_related("post__author").order_by("post_id", "offset").iterator():
        yield "mentions", {"post": str(mention.post_id), "by": mention.post.author.handle}
