"""Which photos have public copies: those of posts that everybody may see, and no others."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from apps.content.models import Post, PostMedia
from apps.media import services as media

BATCH = 100


@transaction.atomic
def reconcile(post_ids: Iterable[UUID]) -> None:
    """Make it so, as things stand in this transaction."""
    ids = list(post_ids)
    open_ids = set(Post.objects.filter(pk__in=ids).open_to_everybody().values_list("pk", flat=True))
    items = list(PostMedia.objects.filter(post__in=ids).values_list("post_id", "medium_id"))
    media.expose([medium_id for post_id, medium_id in items if post_id in open_ids])
    media.conceal([medium_id for post_id, medium_id in items if post_id not in open_ids])


def reconcile_account(author_id: UUID) -> None:
    """All posts of an account whose privacy or standing has changed, newest first, in batches."""
    posts = Post.objects.written_by(author_id).order_by("-id")
    last: UUID | None = None
    while True:
        page = posts.filter(pk__lt=last) if last else posts
        ids = list(page.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return
        reconcile(ids)
        last = ids[-1]
