"""What this context holds on a person, to be erased or handed out."""

from uuid import UUID

from apps.content import services
from apps.content.models import Mention, Post
from apps.core.batches import delete_in_batches
from apps.core.contexts import Export


def erase(user_id: UUID) -> None:
    """Post by post, each in a transaction of its own, so that a crash loses nothing and locks are short."""
    for post in Post.objects.written_by(user_id).order_by("id").iterator(chunk_size=100):
        services.delete_post(post)
    delete_in_batches(Mention.objects.filter(user=user_id))


def export(user_id: UUID) -> Export:
    for post in Post.objects.written_by(user_id).prefetch_related("items").order_by("id").iterator(chunk_size=100):
        yield (
            "posts",
            {
                "id": str(post.pk),
                "caption": post.caption,
                "visibility": post.visibility,
                "status": post.status,
                "sensitive": post.sensitive,
                "media": [str(item.medium_id) for item in post.items.all()],
                "created_at": post.created_at,
                "edited_at": post.edited_at,
            },
        )
