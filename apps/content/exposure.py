"""Public copies of photos: exactly the photos of public posts have them."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.content.models import Post, StaleExposure
from apps.core.db.batches import BATCH
from apps.core.db.compiled import CompiledQuery
from apps.core.tasks.outbox import enqueue
from apps.media import services as media

POSTS_AT_ONCE = 100
# Sent by task name: importing tasks.py here would be a cycle.
RECONCILE_ACCOUNT = "apps.content.tasks.reconcile_account"
TASK_LOST_AFTER = timedelta(seconds=30)


_PUBLIC = CompiledQuery(lambda post: Post.objects.public().filter(pk=post).values("pk"))


def is_public(post_id: UUID) -> bool:
    """Whether everybody may see the post."""
    return _PUBLIC.exists(post=post_id)


@transaction.atomic(savepoint=False)
def reconcile(post_ids: Iterable[UUID]) -> None:
    """Give the photos of these posts public copies, or take them away, according to the present state of the posts. All
    URLs of the photos of withdrawn posts stop working.

    The posts are locked before the rule is evaluated, so that the later one of two concurrent changes decides.
    """
    locked = Post.objects.filter(pk__in=list(post_ids)).select_for_update(no_key=True).order_by("pk")
    posts = Post.objects.filter(pk__in=list(locked.values_list("pk", flat=True)))
    photos: dict[str, list[UUID]] = {"open": [], "withdrawn": [], "other": []}
    for medium_id, exposure in posts.with_exposure().values_list("items__medium", "exposure"):
        if medium_id:
            photos[exposure].append(medium_id)
    media.make_public(photos["open"])
    media.revoke_urls(photos["withdrawn"])
    media.make_private(photos["other"])


def mark_stale(author_id: UUID) -> None:
    """Call it in the transaction that changes the privacy or state of an account: its photos have to follow."""
    StaleExposure.objects.bulk_create(
        [StaleExposure(author_id=author_id, since=timezone.now())],
        update_conflicts=True,
        unique_fields=["author"],
        update_fields=["since"],
    )


def reconcile_account(author_id: UUID) -> None:
    """Reconcile all posts of an account that is marked stale, newest first, in batches. Idempotent. The mark is deleted
    when a whole run is done that began after it was set."""
    mark = StaleExposure.objects.filter(author=author_id).first()
    if mark is None:
        return
    posts = Post.objects.written_by(author_id).order_by("-id")
    last: UUID | None = None
    while ids := list((posts.filter(pk__lt=last) if last else posts).values_list("pk", flat=True)[:POSTS_AT_ONCE]):
        reconcile(ids)
        last = ids[-1]
    StaleExposure.objects.filter(author=author_id, since=mark.since).delete()


def enqueue_due() -> int:
    """Enqueue the task for marked accounts whose task was lost. Returns how many."""
    overdue = StaleExposure.objects.filter(since__lt=timezone.now() - TASK_LOST_AFTER).order_by("since")
    with transaction.atomic():
        waiting = list(overdue.values_list("author", flat=True)[:BATCH])
        for author_id in waiting:
            enqueue(RECONCILE_ACCOUNT, kwargs={"user_id": str(author_id)})
    return len(waiting)
