"""The verbs of posts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.content import captions, exposure, publication, tagging, tasks
from apps.content.counters import POSTS, is_counted
from apps.content.events import blocked_text_posted, post_edited, post_removed, post_restored
from apps.content.mentions import people_mentioned, require_few
from apps.content.models import Mention, Post, PostMedia
from apps.content.querysets import OPEN_AS_COUNTED, SHOWN
from apps.core.db.statements import array_of, select
from apps.core.errors import Invalid, NotFound
from apps.core.tasks import outbox
from apps.media import services as media
from apps.media.models import Media
from apps.safety import newcomers, terms

MAX_MEDIA, MAX_TAGS = 10, 30

# A post and all that hangs on it. Counting it locks its author's row until the end of the transaction: a change of
# their privacy that is just being made is waited for and known when sight is decided; a later one finds this post.
_ROWS = f"""
post AS (
    INSERT INTO content_post (id, author_id, caption, visibility, status, sensitive, comments_enabled, like_count,
        comment_count, published_at)
    SELECT %(id)s::uuid, %(author)s::uuid, %(caption)s, %(visibility)s, %(status)s, %(sensitive)s, %(comments_enabled)s,
        0, 0, %(published_at)s {{source}}
    RETURNING id, author_id, visibility, status, taken_down_at, created_at
), items AS (
    INSERT INTO content_postmedia (post_id, medium_id, position)
    SELECT post.id, item.medium_id, item.place - 1
    FROM post, unnest(%(media)s::uuid[]) WITH ORDINALITY AS item (medium_id, place)
), tags AS ({tagging.ADDING.format(post="post.id", source="post CROSS JOIN")}), mentions AS (
    INSERT INTO content_mention (post_id, user_id, "offset", length)
    SELECT post.id, named.* FROM post, unnest(%(people)s::uuid[], %(offsets)s::int[], %(lengths)s::int[]) AS named
), shown AS (
    SELECT author_id, visibility FROM post WHERE {SHOWN}
), counted AS (
    {POSTS.moving("shown", 1, returning="accounts_user.state, accounts_user.is_private, shown.visibility")}
), told AS ({outbox.writing("tasks", given="post")})"""  # noqa: S608  (of constants)
_POST = f"WITH {_ROWS.format(source='')} SELECT created_at, (SELECT count(*) FROM tags) FROM post"  # noqa: S608
# The usual case in one statement, which is a transaction by itself: photos that are ready and not banned, nothing to be
# screened, and tags that are known. In any other case nobody's is `usual`, and nothing is done.
_USUALLY_POST = f"""
WITH claimed AS MATERIALIZED ({media.CLAIM}), usual AS (
    SELECT FROM claimed HAVING count(*) = cardinality(%(media)s::uuid[])
        AND bool_and(status = 'ready' AND blocked_as IS NULL AND (alt_text = '' OR NOT %(screened)s))
        AND (SELECT count(*) FROM content_tag WHERE name = ANY(%(tags)s::text[])) = cardinality(%(tags)s::text[])
), {_ROWS.format(source="FROM usual")}, taken AS ({
    media.taking(
        given="post",
        seen_by_all=f"SELECT claimed.id FROM claimed CROSS JOIN counted WHERE {OPEN_AS_COUNTED}",
    )
})
SELECT created_at FROM post
"""  # noqa: S608  (of constants)


def create_post(
    *,
    author_id: UUID,
    media_ids: Sequence[UUID],
    caption: str = "",
    visibility: str = Post.Visibility.PUBLIC,
    sensitive: bool = False,
    comments_enabled: bool = True,
) -> Post:
    """Published at once when all media are ready, otherwise by itself when they are.

    Raises Invalid: media that cannot be posted or are named twice; too many tags or mentions. BlockedText,
    NewAccountLimitReached.
    """
    said = captions.read(caption)
    _require_fit(said)
    if repeated := [place for place, pk in enumerate(media_ids) if pk in media_ids[:place]]:
        raise Invalid(**{f"media_ids.{place}": ("duplicate", "Named twice.") for place in repeated})
    post = Post(
        author_id=author_id,
        caption=caption,
        visibility=visibility,
        sensitive=sensitive,
        comments_enabled=comments_enabled,
        status=Post.Status.PUBLISHED,
        published_at=timezone.now(),
    )
    if _concerns_nobody_else(post, said) and _usually_create(post, media_ids, said):
        return post
    return _create(post, media_ids, said)


def _concerns_nobody_else(post: Post, said: captions.Said) -> bool:
    """No mention, no word that is to be reported or refused, no new account that is being counted."""
    return not (said.mentions or newcomers.is_counted("post", post.author_id)) and terms.is_clean(post.caption)


def _usually_create(post: Post, media_ids: Sequence[UUID], said: captions.Said) -> bool:
    """Whether it is done: not, if its photos or tags are not as they usually are."""
    tasks = outbox.held(lambda: _tell(post, said, shown=media_ids))
    values = _values(post, media_ids, said, tasks) | {"screened": terms.are_any(), "ring_at": media.when_to_ring()}
    for (created_at,) in select(_USUALLY_POST, owner=post.author_id, **values):
        post.created_at = created_at
        return True
    return False


@transaction.atomic
def _create(post: Post, media_ids: Sequence[UUID], said: captions.Said) -> Post:
    """Step by step, whatever the case."""
    photos = media.claim_for_post(post.author_id, media_ids)
    described = {f"media_ids.{place}": medium.alt_text for place, medium in enumerate(photos)}
    suspicious = terms.screen(caption=post.caption, **described)
    newcomers.spend("post", post.author_id)
    complete = all(medium.status == Media.Status.READY for medium in photos)
    if not complete:
        post.status, post.published_at = Post.Status.PROCESSING, None
    shown, banned = media_ids if complete else [], any(medium.blocked_as for medium in photos)
    tasks = outbox.held(lambda: _tell(post, said, suspicious=suspicious, shown=shown, banned=banned))
    _write(post, media_ids, said, tasks)
    if complete:
        exposure.show_new(post.pk, media_ids)
    else:
        media.take(media_ids)
    return post


def _tell(
    post: Post,
    said: captions.Said,
    *,
    shown: Sequence[UUID],
    suspicious: Sequence[UUID] = (),
    banned: bool = False,
) -> None:
    """`shown`: its photos, if it is published at once; `banned`: one of them falls under a ban."""
    _report(post, suspicious)
    if shown:
        publication.announce(post, banned=banned, mentions=bool(said.mentions))
        if post.visibility == Post.Visibility.PUBLIC:
            media.ring_for_copies(shown)


def _write(post: Post, media_ids: Sequence[UUID], said: captions.Said, tasks: str) -> None:
    """Most tags are known already, and looked up by the statement that writes the post."""
    [(post.created_at, known)] = select(_POST, **_values(post, media_ids, said, tasks))
    if known < len(said.tags):
        tagging.add(post.pk, said.tags)


def _values(post: Post, media_ids: Sequence[UUID], said: captions.Said, tasks: str) -> dict[str, Any]:
    """What `_ROWS` has placeholders for."""
    mentioned = list(people_mentioned(said.mentions, author_id=post.author_id))
    return {
        "id": post.pk,
        "author": post.author_id,
        "caption": post.caption,
        "visibility": str(post.visibility),
        "status": str(post.status),
        "sensitive": post.sensitive,
        "comments_enabled": post.comments_enabled,
        "published_at": post.published_at,
        "media": array_of(media_ids),
        "tags": said.tags,
        "people": array_of(pk for pk, _ in mentioned),
        "offsets": [where.offset for _, where in mentioned],
        "lengths": [where.length for _, where in mentioned],
        "tasks": tasks,
    }


@transaction.atomic
def update_post(post: Post, *, changes: dict[str, Any]) -> Post:
    """Change just the fields of `changes`; `alt_texts` is {media id: text}. What is already so is no change.

    Raises Invalid: a medium that is not in the post; too many tags or mentions. BlockedText. NotFound once the post is
    deleted.
    """
    locked = _locked(post)
    described = _new_alt_texts(locked, changes.get("alt_texts", {}))
    fields = {name for name in changes.keys() - {"alt_texts"} if getattr(locked, name) != changes[name]}
    if not fields and not described:
        return locked
    for name in fields:
        setattr(locked, name, changes[name])
    written = {f"alt_texts.{pk}": text for pk, text in described.items()}
    if "caption" in fields:
        said = captions.read(locked.caption)
        _require_fit(said)
        written["caption"] = locked.caption
        locked.edited_at = timezone.now()
    suspicious = terms.screen(**written)
    for pk, text in described.items():
        media.set_alt_text(pk, text)
    locked.save(update_fields=[*fields, "edited_at"])
    if "caption" in fields:
        tagging.note_tags(locked, said.tags)
        _note_mentions(locked, said.mentions)
    _report(locked, suspicious)
    if "visibility" in fields:
        exposure.reconcile([locked.pk])
    post_edited.publish(post_id=str(locked.pk), author_id=str(locked.author_id))
    return locked


def _new_alt_texts(post: Post, alt_texts: dict[UUID, str]) -> dict[UUID, str]:
    """Those that are other than what is there. Raises Invalid."""
    own = dict(PostMedia.objects.filter(post=post).values_list("medium", "medium__alt_text"))
    if foreign := alt_texts.keys() - own.keys():
        raise Invalid(**{f"alt_texts.{pk}": ("invalid_media", "Not a medium of this post.") for pk in foreign})
    return {pk: text for pk, text in alt_texts.items() if own[pk] != text}


@transaction.atomic
def delete_post(post: Post) -> None:
    """Delete the post, and schedule the deletion of its objects. Raises NotFound the second time."""
    locked = _locked(post, to_delete=True)
    media_ids = list(PostMedia.objects.filter(post=locked).values_list("medium", flat=True))
    if is_counted(locked):
        POSTS.decrement(locked.author_id)
    author_id, post_id = str(locked.author_id), str(locked.pk)
    locked.delete()
    media.destroy(media_ids)
    post_removed.publish(post_id=post_id, author_id=author_id)


@transaction.atomic
def take_down(post: Post) -> bool:
    """Gone for everybody but its author and moderators, public copies included. Twice is once; True the first time.
    Raises NotFound."""
    locked = _locked(post)
    if locked.taken_down_at:
        return False
    if is_counted(locked):
        POSTS.decrement(locked.author_id)
    locked.taken_down_at = timezone.now()
    locked.save(update_fields=["taken_down_at"])
    exposure.reconcile([locked.pk])
    return True


@transaction.atomic
def restore(post: Post) -> bool:
    """Undo `take_down`: the post is what it was. True if it was taken down. Raises NotFound."""
    locked = _locked(post)
    if not locked.taken_down_at:
        return False
    locked.taken_down_at = None
    locked.save(update_fields=["taken_down_at"])
    if is_counted(locked):
        POSTS.increment(locked.author_id)
        post_restored.publish(post_id=str(locked.pk), author_id=str(locked.author_id))
    exposure.reconcile([locked.pk])
    return True


@transaction.atomic
def reconcile_photos(*, author_id: UUID) -> None:
    """The account's privacy or standing has changed: its photos get, or lose, their public copies accordingly."""
    exposure.mark_stale(author_id)
    tasks.reconcile_account.delay(user_id=str(author_id))


def _locked(post: Post, *, to_delete: bool = False) -> Post:
    """Likes and comments, which refer to the row, wait for its deletion only."""
    locked: Post | None = Post.objects.select_for_update(no_key=not to_delete).filter(pk=post.pk).first()
    if locked is None:
        raise NotFound
    return locked


def _report(post: Post, suspicious: Sequence[UUID]) -> None:
    for term_id in suspicious:
        blocked_text_posted.publish(post_id=str(post.pk), term_id=str(term_id))


def _require_fit(said: captions.Said) -> None:
    if len(said.tags) > MAX_TAGS:
        raise Invalid(caption=("too_many_tags", f"At most {MAX_TAGS} tags."))
    require_few(said.mentions, field="caption")


def _note_mentions(post: Post, mentions: list[captions.Mentioned]) -> None:
    post.mentions.all().delete()
    mentioned = people_mentioned(mentions, author_id=post.author_id)
    Mention.objects.bulk_create(
        [Mention(post=post, user_id=pk, offset=where.offset, length=where.length) for pk, where in mentioned]
    )
