"""What this context has written down twice, compared with what it follows from.

- `media.in_use`: a medium is in use when a post holds it or it is somebody's avatar, and what is used by nobody is
  shown to nobody;
- `media.wanted_public`: the photos of a post have public copies when everybody may see it, and only then;
- `post.tags`: the tags of a post are those of its caption;
- `avatar.wanted_public`: as the context below has it.

Found in batches, each looked at again under the lock that the verbs take, and put right by what puts it right at other
times.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts import repair as accounts
from apps.accounts.models import User
from apps.content import captions, exposure, tagging
from apps.content.models import Post, PostMedia, PostTag, StaleExposure
from apps.content.querysets import PostQuerySet
from apps.core.db.batches import Pace, walk
from apps.core.db.drift import Drift
from apps.media import services as media
from apps.media.models import Media
from apps.media.querysets import MediaQuerySet

log = structlog.get_logger(__name__)
IN_USE, WANTED_PUBLIC, TAGS = "media.in_use", "media.wanted_public", "post.tags"
# Of a batch of ids: what is wrong among them, which is also put right unless it is a dry run.
Repair = Callable[[list[UUID], bool], Iterable[Drift]]


def repair_fields(pace: Pace | None = None) -> int:
    """Returns how many fields were wrong."""
    return sum(1 for _ in wrong_fields(pace or Pace()))


def wrong_fields(pace: Pace, *, only: str = "", dry_run: bool = False) -> Iterator[Drift]:
    """Walk through the rows of every field, or of `only` one, from `pace.place` on; each field that is wrong, and put
    right unless `dry_run`."""
    begun, after = pace.place.get("field", ""), pace.place.get("after")
    fields = [only] if only else list(FIELDS)
    if begun in fields:
        fields = fields[fields.index(begun) :]
    for field in fields:
        rows, repair = FIELDS[field]
        for pks in walk(rows(), pace, after=after if field == begun else None, field=field):
            for drift in repair(pks, dry_run):
                if not dry_run:
                    log.warning("field_repaired", field=field, id=str(drift.pk), true=drift.true)
                yield drift


# ── Whether a medium is in use ───────────────────────────────────────────────────────────────────────────
def _misused(media_ids: Iterable[UUID]) -> MediaQuerySet:
    used = Exists(PostMedia.objects.filter(medium=OuterRef("pk"))) | Exists(User.objects.filter(avatar=OuterRef("pk")))
    chosen: MediaQuerySet = Media.objects.filter(pk__in=list(media_ids)).alias(used=used)
    return chosen.filter(Q(in_use=True, used=False) | Q(in_use=False, used=True))


def _repair_use(media_ids: list[UUID], dry_run: bool) -> Iterator[Drift]:
    for pk, in_use in _misused(media_ids).values_list("pk", "in_use"):
        if dry_run or _put_use_right(pk):
            yield Drift(IN_USE, pk, in_use, not in_use)


@transaction.atomic
def _put_use_right(medium_id: UUID) -> bool:
    """Whoever takes a medium into use, or out of it, holds its row's lock until that is committed."""
    list(Media.objects.filter(pk=medium_id).select_for_update(no_key=True).values_list("pk", flat=True))
    medium = _misused([medium_id]).first()
    if medium is None:
        return False
    Media.objects.filter(pk=medium_id).update(in_use=not medium.in_use)
    if medium.in_use:
        media.make_private([medium_id])
    return True


# ── Whether a post's photos have public copies ───────────────────────────────────────────────────────────
def _published() -> PostQuerySet:
    """Before a post is published its copies are made in time, and an account that is marked stale is being seen to."""
    stale = Exists(StaleExposure.objects.filter(author=OuterRef("author")))
    published: PostQuerySet = Post.objects.filter(~stale, status=Post.Status.PUBLISHED)
    return published


def _misexposed(post_ids: Iterable[UUID]) -> "QuerySet[PostMedia]":
    posts = _published().filter(pk__in=list(post_ids))
    opened = Exists(posts.open_to_everybody().filter(pk=OuterRef("post")))
    items = PostMedia.objects.filter(post__in=posts.values("pk")).annotate(opened=opened)
    return items.filter(Q(opened=True, medium__wanted_public=False) | Q(opened=False, medium__wanted_public=True))


def _repair_exposure(post_ids: list[UUID], dry_run: bool) -> Iterator[Drift]:
    found = list(_misexposed(post_ids).values_list("post", "medium", "medium__wanted_public"))
    if found and not dry_run:
        exposure.reconcile({post_id for post_id, _, _ in found})
    for _, medium_id, wanted in found:
        yield Drift(WANTED_PUBLIC, medium_id, wanted, not wanted)


# ── A post's tags ────────────────────────────────────────────────────────────────────────────────────────
def _mistagged(posts: PostQuerySet) -> Iterator[tuple[Post, list[str], list[str]]]:
    """(post, tags noted, tags of the caption)."""
    noted: dict[Any, list[str]] = {}
    rows = PostTag.objects.filter(post__in=posts.values("pk")).order_by("post", "position")
    for post_id, name in rows.values_list("post", "tag__name"):
        noted.setdefault(post_id, []).append(name)
    for post in posts.only("pk", "caption"):
        true = list(captions.tags_in(post.caption))
        if noted.get(post.pk, []) != true:
            yield post, noted.get(post.pk, []), true


def _repair_tags(post_ids: list[UUID], dry_run: bool) -> Iterator[Drift]:
    for post, noted, true in list(_mistagged(Post.objects.filter(pk__in=post_ids))):
        if dry_run or _put_tags_right(post.pk):
            yield Drift(TAGS, post.pk, noted, true)


@transaction.atomic
def _put_tags_right(post_id: UUID) -> bool:
    """Whoever edits a caption holds the post's lock until its tags are noted."""
    list(Post.objects.filter(pk=post_id).select_for_update(no_key=True).values_list("pk", flat=True))
    for post, _, true in _mistagged(Post.objects.filter(pk=post_id)):
        tagging.note_tags(post, true)
        return True
    return False


# In the order in which they are walked through.
FIELDS: dict[str, tuple[Callable[[], QuerySet[Any]], Repair]] = {
    IN_USE: (Media.objects.all, _repair_use),
    WANTED_PUBLIC: (_published, _repair_exposure),
    TAGS: (Post.objects.all, _repair_tags),
    accounts.EXPOSED: (User.objects.all, accounts.repair_avatars),
}
