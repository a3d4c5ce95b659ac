"""Posts: create, update, delete, take down and restore."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.content import captions, exposure, publication, sensitivity, tagging, tasks
from apps.content.counters import POSTS
from apps.content.events import blocked_text_posted, post_edited, post_removed, post_restored, tag_restricted
from apps.content.mentions import accounts_mentioned, validate_mention_limit
from apps.content.models import Mention, Post, PostMedia, Tag
from apps.core.db.queries import fetch_rows, load
from apps.core.errors import Invalid, NotFound
from apps.core.tasks import outbox
from apps.core.words import words
from apps.media import services as media
from apps.media.models import Media
from apps.safety import newcomers, terms

MAX_MEDIA, MAX_TAGS = 10, 30


@transaction.atomic
def create_post(
    *,
    author_id: UUID,
    media_ids: Sequence[UUID],
    caption: str = "",
    visibility: str = Post.Visibility.PUBLIC,
    sensitive: bool = False,
    comments_enabled: bool = True,
    alt_texts: Mapping[UUID, str] | None = None,
) -> Post:
    """Create a post. It is published at once if all media are ready, otherwise when they are.

    `alt_texts`, {media id: text}, replaces the alt texts that the media were uploaded with.

    Raises Invalid for media that cannot be posted or are named twice, for alt texts of other media, and for too many
    tags or mentions; BlockedText; NewAccountLimitReached.
    """
    parsed = captions.parse(caption)
    _validate_caption(parsed)
    _validate_distinct(media_ids)
    photos = media.claim_for_post(author_id, media_ids)
    own = {pk: photo.alt_text for pk, photo in zip(media_ids, photos, strict=True)}
    described = _changed_alt_texts(own, alt_texts or {})
    kept = {f"media_ids.{place}": text for place, (pk, text) in enumerate(own.items()) if pk not in described}
    flagged_terms = terms.screen(caption=caption, **kept, **_alt_text_fields(described))
    newcomers.spend("post", author_id)
    _save_alt_texts(described)
    complete = all(photo.status == Media.Status.READY for photo in photos)
    post = Post(
        author_id=author_id,
        caption=caption,
        visibility=visibility,
        sensitive=sensitive,
        comments_enabled=comments_enabled,
        status=Post.Status.PUBLISHED if complete else Post.Status.PROCESSING,
        published_at=timezone.now() if complete else None,
    )
    _insert(post, media_ids, parsed.tags)
    _save_mentions(post, parsed.mentions)
    # One statement for the rows of all tasks.
    with outbox.batch():
        _publish_flagged_terms(post, flagged_terms)
        if complete:
            publication.count_and_expose(post, media_ids)
            publication.announce(post, banned=any(photo.blocked_as for photo in photos), mentions=bool(parsed.mentions))
        else:
            media.attach_to_post(media_ids)
    return post


def _insert(post: Post, media_ids: Sequence[UUID], tags: list[str]) -> None:
    """Insert the post with its photos and tags: one statement, and some more if a tag is new."""
    columns = {
        "id": post.pk,
        "author": post.author_id,
        "caption": post.caption,
        "words": words(post.caption),
        "visibility": str(post.visibility),
        "status": str(post.status),
        "sensitive": post.sensitive,
        "comments_enabled": post.comments_enabled,
        "published_at": post.published_at,
    }
    parameters = columns | {"media": list(media_ids), "tags": tags}
    [(post.created_at, known_tags)] = fetch_rows(load("content/insert_post"), parameters)
    if known_tags < len(tags):
        tagging.replace_tags(post, tags)


def _validate_distinct(media_ids: Sequence[UUID]) -> None:
    if repeated := [position for position, pk in enumerate(media_ids) if pk in media_ids[:position]]:
        raise Invalid(**{f"media_ids.{position}": ("duplicate", _("Named twice.")) for position in repeated})


def _validate_caption(parsed: captions.ParsedCaption) -> None:
    if len(parsed.tags) > MAX_TAGS:
        raise Invalid(caption=("too_many_tags", _("At most {most} tags.").format(most=MAX_TAGS)))
    validate_mention_limit(parsed.mentions, field="caption")


@transaction.atomic
def update_post(post: Post, *, changes: dict[str, Any]) -> Post:
    """Change the fields in `changes`; `alt_texts` is {media id: text}. Equal values are not a change.

    Raises Invalid for a medium of another post and for too many tags or mentions; BlockedText; MarkedSensitive or
    SensitiveTag if a moderator or a tag marks the post as sensitive and `changes` does not; NotFound if the post is
    deleted.
    """
    locked = _lock(post)
    described = _new_alt_texts(locked, changes.get("alt_texts", {}))
    fields = {name for name in changes.keys() - {"alt_texts"} if getattr(locked, name) != changes[name]}
    if not fields and not described:
        return locked
    for name in fields - {"sensitive"}:
        setattr(locked, name, changes[name])
    written, tags = _alt_text_fields(described), None
    if "caption" in fields:
        parsed = captions.parse(locked.caption)
        _validate_caption(parsed)
        written["caption"], tags = locked.caption, parsed.tags
        locked.edited_at = timezone.now()
    if fields & {"caption", "sensitive"}:
        sensitivity.choose(locked, changes["sensitive"] if "sensitive" in fields else None, tags=tags)
        fields |= {"sensitive", "sensitive_by_author"}
    flagged_terms = terms.screen(**written)
    _save_alt_texts(described)
    locked.save(update_fields=[*fields, *({"words"} if "caption" in fields else ()), "edited_at"])
    if "caption" in fields:
        tagging.replace_tags(locked, parsed.tags)
        locked.mentions.all().delete()
        _save_mentions(locked, parsed.mentions)
    _publish_flagged_terms(locked, flagged_terms)
    if "visibility" in fields:
        exposure.reconcile([locked.pk])
    post_edited.publish(post_id=str(locked.pk), author_id=str(locked.author_id))
    return locked


def _new_alt_texts(post: Post, alt_texts: dict[UUID, str]) -> dict[UUID, str]:
    """The texts that differ from the present ones. Raises Invalid for a medium of another post."""
    own = dict(PostMedia.objects.filter(post=post).values_list("medium", "medium__alt_text"))
    return _changed_alt_texts(own, alt_texts)


def _changed_alt_texts(own: Mapping[UUID, str], alt_texts: Mapping[UUID, str]) -> dict[UUID, str]:
    """Those of `alt_texts` that differ from `own`, the texts of the post's media. Raises Invalid for other media."""
    if foreign := alt_texts.keys() - own.keys():
        raise Invalid(**{f"alt_texts.{pk}": ("invalid_media", _("Not a medium of this post.")) for pk in foreign})
    return {pk: text for pk, text in alt_texts.items() if own[pk] != text}


def _alt_text_fields(alt_texts: Mapping[UUID, str]) -> dict[str, str]:
    """{field of the request: text}, as errors name them."""
    return {f"alt_texts.{pk}": text for pk, text in alt_texts.items()}


def _save_alt_texts(alt_texts: Mapping[UUID, str]) -> None:
    for pk, text in alt_texts.items():
        media.set_alt_text(pk, text)


@transaction.atomic
def delete_post(post: Post) -> None:
    """Delete a post with everything that belongs to it. The deletion of its objects in storage is scheduled in the same
    transaction. Raises NotFound if the post is deleted already."""
    locked = _lock(post, for_deletion=True)
    media_ids = list(PostMedia.objects.filter(post=locked).values_list("medium", flat=True))
    if locked.is_published:
        POSTS.decrement(locked.author_id)
    author_id, post_id = str(locked.author_id), str(locked.pk)
    locked.delete()
    media.destroy(media_ids)
    post_removed.publish(post_id=post_id, author_id=author_id)


@transaction.atomic
def take_down(post: Post) -> bool:
    """Hide a post, with the public copies of its photos, from everybody but its author and moderators. Returns False if
    it is taken down already. Raises NotFound."""
    locked = _lock(post)
    if locked.taken_down_at:
        return False
    was_published = locked.is_published
    locked.taken_down_at = timezone.now()
    # A trigger notes the newest post of the author here. As in `restore` and `create_post`, this row comes before the
    # author's own row, so that concurrent changes do not deadlock.
    locked.save(update_fields=["taken_down_at"])
    if was_published:
        POSTS.decrement(locked.author_id)
    exposure.reconcile([locked.pk])
    return True


@transaction.atomic
def restore(post: Post) -> bool:
    """Undo `take_down`. Returns False if the post is not taken down. Raises NotFound."""
    locked = _lock(post)
    if not locked.taken_down_at:
        return False
    locked.taken_down_at = None
    locked.save(update_fields=["taken_down_at"])
    if locked.is_published:
        POSTS.increment(locked.author_id)
        post_restored.publish(post_id=str(locked.pk), author_id=str(locked.author_id))
    exposure.reconcile([locked.pk])
    return True


# ── Graded measures ──────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def mark_sensitive(post: Post) -> bool:
    """Mark a post as sensitive, whatever its author chooses. Returns False if it is marked already. Raises NotFound."""
    return _set_mark(post, marked=True)


@transaction.atomic
def unmark_sensitive(post: Post) -> bool:
    """Undo `mark_sensitive`: the choice of the author counts again. Returns False if it is not marked. Raises
    NotFound."""
    return _set_mark(post, marked=False)


def _set_mark(post: Post, *, marked: bool) -> bool:
    locked = _lock(post)
    if locked.marked_sensitive == marked:
        return False
    locked.marked_sensitive = marked
    locked.save(update_fields=["marked_sensitive"])
    sensitivity.settle([locked.pk])
    return True


@transaction.atomic
def set_reach(post: Post, *, limited: bool) -> bool:
    """Limit the reach of a post (`PostQuerySet.in_reach`), or lift the limit. Returns whether this changed it. Raises
    NotFound."""
    locked = _lock(post)
    if locked.reach_limited == limited:
        return False
    locked.reach_limited = limited
    locked.save(update_fields=["reach_limited"])
    return True


@transaction.atomic
def restrict_tag(
    name: str, *, hidden: bool | None = None, sensitive: bool | None = None
) -> tuple[Tag, dict[str, bool]]:
    """Hide a tag from explore and search, mark it as sensitive, or undo either. None: as it is.

    A tag that no post has yet is created. Its posts follow in the background. Returns the tag and the fields that
    changed. Raises Invalid for a text that cannot be a tag.
    """
    tag_name = captions.normalise_tag(name.strip().removeprefix("#"))
    if tag_name is None:
        raise Invalid(tag=("invalid", _("This is not a hashtag.")))
    tag, _created = Tag.objects.get_or_create(name=tag_name)
    # It waits for posts that are being written with the tag.
    tag = Tag.objects.select_for_update().get(pk=tag.pk)
    wanted = {"hidden": hidden, "sensitive": sensitive}
    changed = {field: value for field, value in wanted.items() if value is not None and getattr(tag, field) != value}
    for field, value in changed.items():
        setattr(tag, field, value)
    if changed:
        tag.save(update_fields=list(changed))
        tag_restricted.publish(tag_id=str(tag.pk))
    return tag, changed


@transaction.atomic
def reconcile_photos(*, author_id: UUID) -> None:
    """Create or delete the public copies of an account's photos after its privacy or state has changed."""
    exposure.mark_stale(author_id)
    tasks.reconcile_account.delay(user_id=str(author_id))


def _lock(post: Post, *, for_deletion: bool = False) -> Post:
    """Only a deletion waits for concurrent inserts of likes and comments. Raises NotFound."""
    locked: Post | None = Post.objects.select_for_update(no_key=not for_deletion).filter(pk=post.pk).first()
    if locked is None:
        raise NotFound
    return locked


def _save_mentions(post: Post, mentions: list[captions.Mentioned]) -> None:
    Mention.objects.bulk_create(
        Mention(post=post, user_id=pk, offset=mention.offset, length=mention.length)
        for pk, mention in accounts_mentioned(mentions, author_id=post.author_id)
    )


def _publish_flagged_terms(post: Post, term_ids: Sequence[UUID]) -> None:
    for term_id in term_ids:
        blocked_text_posted.publish(post_id=str(post.pk), term_id=str(term_id))
