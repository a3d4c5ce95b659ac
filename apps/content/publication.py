"""Posts become published by themselves when all their photos are ready."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.content import exposure
from apps.content.counters import POSTS
from apps.content.events import banned_image_posted, mentions_published, post_failed, post_published
from apps.content.models import Post, PostMedia
from apps.core.db.batches import BATCH
from apps.core.tasks.outbox import enqueue
from apps.media import pipeline
from apps.media import services as media
from apps.media.models import Media
from apps.media.storage import StorageError

log = structlog.get_logger(__name__)
# Sent by task name: importing tasks.py here would be a cycle.
SETTLE = "apps.content.tasks.settle_post"
RECONCILE = "apps.content.tasks.reconcile_post"


def settle_post_with(media_id: UUID) -> None:
    """Settle the post of a medium that has become ready or has failed."""
    item = PostMedia.objects.filter(medium=media_id).first()
    if item:
        settle(item.post_id)


def enqueue_due() -> int:
    """Enqueue the task for complete posts that are still `processing`, because their task was lost. Returns how
    many."""
    unfinished = PostMedia.objects.filter(post=OuterRef("pk")).exclude(
        medium__status__in=[Media.Status.READY, Media.Status.FAILED]
    )
    complete = Post.objects.filter(~Exists(unfinished), status=Post.Status.PROCESSING).order_by("pk")
    with transaction.atomic():
        waiting = list(complete.values_list("pk", flat=True)[:BATCH])
        for post_id in waiting:
            enqueue(SETTLE, kwargs={"post_id": str(post_id)})
    return len(waiting)


def settle(post_id: UUID) -> None:
    """Publish the post if all its media are ready; fail it if one has failed. Idempotent."""
    post = Post.objects.filter(pk=post_id, status=Post.Status.PROCESSING).select_related("author").first()
    if post is None:
        return
    if _media_statuses(post) == {Media.Status.READY} and _expected_public(post):
        _make_public_copies(post)
    with transaction.atomic():
        processing = Post.objects.filter(pk=post_id, status=Post.Status.PROCESSING)
        locked = processing.select_for_update(no_key=True).first()
        if locked is None:
            return
        statuses = _media_statuses(locked)
        if Media.Status.FAILED in statuses:
            _fail(locked)
        elif statuses == {Media.Status.READY}:
            publish(locked)


def publish(post: Post) -> None:
    """Publish a post whose row is locked, in the transaction that found all media ready."""
    post.status, post.published_at = Post.Status.PUBLISHED, timezone.now()
    post.save(update_fields=["status", "published_at"])
    if post.is_published:
        _count(post)
    exposure.reconcile([post.pk])
    banned = PostMedia.objects.filter(post=post, medium__blocked_as__isnull=False).exists()
    announce(post, banned=banned, mentions=post.mentions.exists())


def count_and_expose(post: Post, media_ids: Sequence[UUID]) -> None:
    """Count a post that this transaction has inserted as published, and attach its photos. A task makes the public
    copies of the photos if everybody may see the post; until then its photos have signed URLs."""
    _count(post)
    media.attach_to_post(media_ids)
    if post.visibility == Post.Visibility.PUBLIC:
        enqueue(RECONCILE, kwargs={"post_id": str(post.pk)})


def _count(post: Post) -> None:
    """This locks the author's row, before it is decided whether the post is public. So a concurrent change of the
    account's privacy is either visible to that decision, or it finds this post afterwards."""
    POSTS.increment(post.author_id)


def announce(post: Post, *, banned: bool, mentions: bool) -> None:
    """Publish the domain events of a post that this transaction has published. `banned`: one of its photos matches a
    ban; `mentions`: its caption mentions an account."""
    ids = {"post_id": str(post.pk), "author_id": str(post.author_id)}
    post_published.publish(**ids)
    if mentions:
        mentions_published.publish(**ids)
    if banned:
        banned_image_posted.publish(post_id=str(post.pk))


def _fail(post: Post) -> None:
    post.status = Post.Status.FAILED
    post.save(update_fields=["status"])
    post_failed.publish(post_id=str(post.pk), author_id=str(post.author_id))


def _media_statuses(post: Post) -> set[str]:
    return set(PostMedia.objects.filter(post=post).values_list("medium__status", flat=True))


def _expected_public(post: Post) -> bool:
    """An estimate, to make the public copies in time. `exposure.reconcile` decides when the post is published."""
    return post.visibility == Post.Visibility.PUBLIC and not post.author.is_private and post.author.is_active


def _make_public_copies(post: Post) -> None:
    """So that the post's first readers get permanent URLs. While storage is unavailable they get signed URLs."""
    media_ids = list(PostMedia.objects.filter(post=post).values_list("medium", flat=True))
    media.make_public(media_ids)
    try:
        for media_id in media_ids:
            pipeline.publish_variants(media_id)
    except StorageError as error:
        log.warning("public_copies_delayed", post_id=str(post.pk), error=str(error))
