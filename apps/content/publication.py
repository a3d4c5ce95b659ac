"""From `processing` to `published`: when all photos are ready, and by itself."""

from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.content import exposure
from apps.content.counters import POSTS, is_counted
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


def settle_post_with(media_id: UUID) -> None:
    """A medium has become ready or failed: see whether its post is complete."""
    item = PostMedia.objects.filter(medium=media_id).first()
    if item:
        settle(item.post_id)


def enqueue_due() -> int:
    """Enqueue the posts whose task was lost: complete, and still `processing`. Returns how many."""
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
    """Publish the post when all its media are ready; fail it when one has failed. Running twice does it once."""
    post = Post.objects.filter(pk=post_id, status=Post.Status.PROCESSING).select_related("author").first()
    if post is None:
        return
    if _media_statuses(post) == {Media.Status.READY} and _will_be_open(post):
        _copy_before_anybody_looks(post)
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
    """Call it in the transaction that found all media ready, with the post's row locked."""
    post.status, post.published_at = Post.Status.PUBLISHED, timezone.now()
    post.save(update_fields=["status", "published_at"])
    if is_counted(post):
        # Locks the author's row as well, before anybody's sight is decided: a change of privacy that is just being
        # made is waited for, and one that comes later finds this post.
        POSTS.increment(post.author_id)
    exposure.reconcile([post.pk])
    banned = PostMedia.objects.filter(post=post, medium__blocked_as__isnull=False).exists()
    announce(post, banned=banned, mentions=post.mentions.exists())


def announce(post: Post, *, banned: bool, mentions: bool) -> None:
    """Call it in the transaction that publishes the post. `banned`: one of its photos falls under a ban;
    `mentions`: its caption mentions somebody."""
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


def _will_be_open(post: Post) -> bool:
    """A forecast, to copy in time; whether the copies stay is decided when it is published."""
    return post.visibility == Post.Visibility.PUBLIC and not post.author.is_private and post.author.is_active


def _copy_before_anybody_looks(post: Post) -> None:
    """So that the post's first readers get permanent URLs. If storage is away they get signed ones meanwhile."""
    media_ids = list(PostMedia.objects.filter(post=post).values_list("medium", flat=True))
    media.make_public(media_ids)
    try:
        for media_id in media_ids:
            pipeline.publish_variants(media_id)
    except StorageError as error:
        log.warning("public_copies_delayed", post_id=str(post.pk), error=str(error))
