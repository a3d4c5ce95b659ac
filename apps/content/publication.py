"""From `processing` to `published`: when all photos are ready, and by itself."""

from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.content import exposure
from apps.content.counters import POSTS
from apps.content.facts import post_failed, post_published
from apps.content.models import Post, PostMedia
from apps.core.batches import BATCH
from apps.media import pipeline
from apps.media import services as media
from apps.media.models import Media
from apps.media.storage import StorageError

log = structlog.get_logger(__name__)


def settle_posts_with(media_id: UUID) -> None:
    """A medium has become ready or failed: see whether its post is complete."""
    item = PostMedia.objects.filter(medium=media_id).first()
    if item:
        settle(item.post_id)


def settle_waiting_posts() -> None:
    """Posts whose doorbell was lost: complete, and still `processing`."""
    waiting = Post.objects.filter(status=Post.Status.PROCESSING)
    unfinished = PostMedia.objects.filter(post=OuterRef("pk")).exclude(
        medium__status__in=[Media.Status.READY, Media.Status.FAILED]
    )
    for post_id in list(waiting.filter(~Exists(unfinished)).values_list("pk", flat=True)[:BATCH]):
        settle(post_id)


def settle(post_id: UUID) -> None:
    """Publish the post when all its media are ready; fail it when one has failed. Running twice does it once."""
    post = Post.objects.filter(pk=post_id, status=Post.Status.PROCESSING).select_related("author").first()
    if post is None:
        return
    if _media_statuses(post) == {Media.Status.READY} and _will_be_open(post):
        _copy_before_anybody_looks(post)
    with transaction.atomic():
        locked = Post.objects.select_for_update(of=("self",)).filter(pk=post_id, status=Post.Status.PROCESSING).first()
        if locked is None:
            return
        statuses = _media_statuses(locked)
        if Media.Status.FAILED in statuses:
            locked.status = Post.Status.FAILED
            locked.save(update_fields=["status"])
            post_failed.tell(post_id=str(locked.pk), author_id=str(locked.author_id))
        elif statuses == {Media.Status.READY}:
            publish(locked)


def publish(post: Post) -> None:
    """Call it in the transaction that found all media ready, with the post's row locked or new."""
    post.status, post.published_at = Post.Status.PUBLISHED, timezone.now()
    post.save(update_fields=["status", "published_at"])
    POSTS.increment(post.author_id)
    exposure.reconcile([post.pk])
    post_published.tell(post_id=str(post.pk), author_id=str(post.author_id))


def _media_statuses(post: Post) -> set[str]:
    return set(PostMedia.objects.filter(post=post).values_list("medium__status", flat=True))


def _will_be_open(post: Post) -> bool:
    return post.visibility == Post.Visibility.PUBLIC and not post.author.is_private and post.author.is_active


def _copy_before_anybody_looks(post: Post) -> None:
    """So that the post's first readers get permanent URLs. If storage is away they get signed ones meanwhile."""
    media_ids = list(PostMedia.objects.filter(post=post).values_list("medium", flat=True))
    media.expose(media_ids)
    try:
        for media_id in media_ids:
            pipeline.publish_variants(media_id)
    except StorageError as error:
        log.warning("public_copies_delayed", post_id=str(post.pk), error=str(error))
