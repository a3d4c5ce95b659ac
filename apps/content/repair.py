"""Repair of fields that repeat what other rows say.

- `media.in_use`: a medium is in use if a post contains it or it is an avatar. An unused medium has no public copies.
- `media.wanted_public`: the photos of a post have public copies exactly if the post is public.
- `post.tags`: the tags of a post are those of its caption.
- `post.sensitive`: a post is sensitive if its author, a moderator or one of its tags says so.
- `avatar.wanted_public`: see `apps/accounts/repair.py`.

Wrong fields are found in batches. Each is checked again under the lock that the services take, and corrected by the
function that the services use.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts import repair as accounts
from apps.accounts.models import User
from apps.content import captions, exposure, sensitivity, tagging
from apps.content.models import Post, PostMedia, PostTag, StaleExposure
from apps.content.querysets import PostQuerySet
from apps.core.db.batches import BatchRunner, walk
from apps.core.db.counters import Drift
from apps.media import services as media
from apps.media.models import Media
from apps.media.querysets import MediaQuerySet

log = structlog.get_logger(__name__)
IN_USE, WANTED_PUBLIC, TAGS, SENSITIVE = "media.in_use", "media.wanted_public", "post.tags", "post.sensitive"
# Takes a batch of ids and whether this is a dry run. Returns the wrong fields, corrected unless it is a dry run.
Repair = Callable[[list[UUID], bool], Iterable[Drift]]


def repair_fields(runner: BatchRunner | None = None) -> int:
    """Correct all wrong fields. Returns how many there were."""
    return sum(1 for _ in wrong_fields(runner or BatchRunner()))


def wrong_fields(runner: BatchRunner, *, only: str = "", dry_run: bool = False) -> Iterator[Drift]:
    """The wrong fields, corrected unless `dry_run`: of all kinds or of the kind `only`, from `runner.checkpoint` on."""
    begun, after = runner.checkpoint.get("field", ""), runner.checkpoint.get("after")
    fields = [only] if only else list(FIELDS)
    if begun in fields:
        fields = fields[fields.index(begun) :]
    for field in fields:
        rows, repair = FIELDS[field]
        for pks in walk(rows(), runner, after=after if field == begun else None, field=field):
            for drift in repair(pks, dry_run):
                if not dry_run:
                    log.warning("field_repaired", field=field, id=str(drift.pk), true=drift.true)
                yield drift


# Whether a medium is in use
def _with_wrong_use(media_ids: Iterable[UUID]) -> MediaQuerySet:
    used = Exists(PostMedia.objects.filter(medium=OuterRef("pk"))) | Exists(User.objects.filter(avatar=OuterRef("pk")))
    chosen: MediaQuerySet = Media.objects.filter(pk__in=list(media_ids)).alias(used=used)
    return chosen.filter(Q(in_use=True, used=False) | Q(in_use=False, used=True))


def _repair_use(media_ids: list[UUID], dry_run: bool) -> Iterator[Drift]:
    for pk, in_use in _with_wrong_use(media_ids).values_list("pk", "in_use"):
        if dry_run or _correct_use(pk):
            yield Drift(IN_USE, pk, in_use, not in_use)


@transaction.atomic
def _correct_use(medium_id: UUID) -> bool:
    """The services hold the lock of a medium's row while they change its use."""
    list(Media.objects.filter(pk=medium_id).select_for_update(no_key=True).values_list("pk", flat=True))
    medium = _with_wrong_use([medium_id]).first()
    if medium is None:
        return False
    Media.objects.filter(pk=medium_id).update(in_use=not medium.in_use)
    if medium.in_use:
        media.make_private([medium_id])
    return True


# Whether a post's photos have public copies
def _published() -> PostQuerySet:
    """Published posts. Others may have public copies made in advance, and a stale account is reconciled by its own
    task."""
    stale = Exists(StaleExposure.objects.filter(author=OuterRef("author")))
    published: PostQuerySet = Post.objects.filter(~stale, status=Post.Status.PUBLISHED)
    return published


def _with_wrong_exposure(post_ids: Iterable[UUID]) -> "QuerySet[PostMedia]":
    posts = _published().filter(pk__in=list(post_ids))
    opened = Exists(posts.public().filter(pk=OuterRef("post")))
    items = PostMedia.objects.filter(post__in=posts.values("pk")).annotate(opened=opened)
    return items.filter(Q(opened=True, medium__wanted_public=False) | Q(opened=False, medium__wanted_public=True))


def _repair_exposure(post_ids: list[UUID], dry_run: bool) -> Iterator[Drift]:
    found = list(_with_wrong_exposure(post_ids).values_list("post", "medium", "medium__wanted_public"))
    if found and not dry_run:
        exposure.reconcile({post_id for post_id, _, _ in found})
    for _, medium_id, wanted in found:
        yield Drift(WANTED_PUBLIC, medium_id, wanted, not wanted)


# A post's tags
def _with_wrong_tags(posts: PostQuerySet) -> Iterator[tuple[Post, list[str], list[str]]]:
    """(post, its tags, the tags of its caption)."""
    stored: dict[Any, list[str]] = {}
    rows = PostTag.objects.filter(post__in=posts.values("pk")).order_by("post", "position")
    for post_id, name in rows.values_list("post", "tag__name"):
        stored.setdefault(post_id, []).append(name)
    for post in posts.only("pk", "caption"):
        true = list(captions.tags_in(post.caption))
        if stored.get(post.pk, []) != true:
            yield post, stored.get(post.pk, []), true


def _repair_tags(post_ids: list[UUID], dry_run: bool) -> Iterator[Drift]:
    for post, stored, true in list(_with_wrong_tags(Post.objects.filter(pk__in=post_ids))):
        if dry_run or _correct_tags(post.pk):
            yield Drift(TAGS, post.pk, stored, true)


@transaction.atomic
def _correct_tags(post_id: UUID) -> bool:
    """The services hold the lock of a post while they change its caption and tags."""
    list(Post.objects.filter(pk=post_id).select_for_update(no_key=True).values_list("pk", flat=True))
    for post, _, true in _with_wrong_tags(Post.objects.filter(pk=post_id)):
        tagging.replace_tags(post, true)
        return True
    return False


# Whether a post is sensitive
def _repair_sensitive(post_ids: list[UUID], dry_run: bool) -> Iterator[Drift]:
    found = list(sensitivity.wrong(Post.objects.filter(pk__in=post_ids)).values_list("pk", "sensitive_by_author"))
    if found and not dry_run:
        sensitivity.settle(pk for pk, _ in found)
    for pk, chosen in found:
        # Not yet marked, or not any more.
        yield Drift(SENSITIVE, pk, chosen is not None, chosen is None)


# In the order in which they are checked.
FIELDS: dict[str, tuple[Callable[[], QuerySet[Any]], Repair]] = {
    IN_USE: (Media.objects.all, _repair_use),
    WANTED_PUBLIC: (_published, _repair_exposure),
    TAGS: (Post.objects.all, _repair_tags),
    SENSITIVE: (Post.objects.all, _repair_sensitive),
    accounts.EXPOSED: (User.objects.all, accounts.repair_avatars),
}
