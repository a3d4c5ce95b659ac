"""What this context holds on a person, to be erased or handed out."""

from contextlib import suppress
from uuid import UUID

from apps.content import services
from apps.content.models import Mention, Post, StaleExposure
from apps.core.db.batches import delete_in_batches
from apps.core.errors import NotFound
from apps.core.privacy import Export


def erase(user_id: UUID) -> None:
    """Post by post, each in a transaction of its own, so that a crash loses nothing and locks are short. The captions
    that mention the person are other people's, and stay; that they mention somebody is forgotten."""
    for post in Post.objects.written_by(user_id).order_by("id").iterator(chunk_size=100):
        with suppress(NotFound):  # deleted meanwhile
            services.delete_post(post)
    delete_in_batches(Mention.objects.filter(user=user_id))
    StaleExposure.objects.filter(author=user_id).delete()


def export(user_id: UUID) -> Export:
    """One's posts whatever their state, and where others' posts mention one, as far as one may see them."""
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
