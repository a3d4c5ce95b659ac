"""Like, save, comment; and take each back.

Every verb that adds or removes a row under a post first locks the post, so that it is decided after or before a
deletion, a closing of the comments and the other verbs, never across them; a comment's likes lock the comment.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.content import captions
from apps.content.mentions import people_mentioned, require_few
from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.core.db.statements import Statement, select
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.core.events import DomainEvent
from apps.core.tasks import outbox
from apps.engagement.counters import COMMENT_LIKES, COMMENTS, LIKES, REPLIES
from apps.engagement.events import (
    blocked_text_commented,
    comment_hidden,
    comment_liked,
    comment_made,
    comment_shown,
    comment_unliked,
    post_liked,
    post_unliked,
)
from apps.engagement.models import Comment, CommentLike, CommentMention, Save
from apps.engagement.querysets import MARKS, Marks
from apps.safety import newcomers, terms
from apps.social.blocks import BLOCKED, BLOCKS


class CommentsDisabled(Forbidden):
    code, title = "comments_disabled", "This post takes no comments."


# ── Likes and saves ──────────────────────────────────────────────────────────────────────────────────────
@dataclass
class LockedPost:
    """A post that the actor may see, locked, with its present counts and how the actor stood to it."""

    id: UUID
    comments_enabled: bool
    like_count: int
    comment_count: int
    marks: Marks

    @classmethod
    def of(cls, pk: UUID, comments_enabled: bool, likes: int, comments: int, *marks: Any) -> "LockedPost":
        """A row of the statements below."""
        return cls(pk, comments_enabled, likes, comments, Marks(*marks))


_SEEN = Statement(
    lambda viewer, post: (
        Post.objects.visible_to(viewer)
        .filter(pk=post)
        .values_list("pk", "comments_enabled", "like_count", "comment_count")
    ),
    "viewer",
    "post",
)
# The door, the lock, the deed, its counter and what follows: one statement, which is a transaction by itself.
_LOCKED = f"""
WITH {BLOCKED}, post (id, comments_enabled, like_count, comment_count) AS MATERIALIZED (
    {{seen}} FOR NO KEY UPDATE OF content_post
)"""
_LOCK = f"{_LOCKED} SELECT post.*, {MARKS} FROM post CROSS JOIN {BLOCKS}"  # noqa: S608  (of constants)
_LIKE = f"""{_LOCKED}, made AS (
    INSERT INTO engagement_like (id, post_id, user_id) SELECT %(id)s, post.id, %(viewer)s FROM post
    ON CONFLICT (user_id, post_id) DO NOTHING RETURNING post_id
), counted AS ({LIKES.moving("made", 1)}), told AS ({outbox.writing("tasks", given="made")})
SELECT post.*, {MARKS}, (SELECT count(*) FROM made) FROM post CROSS JOIN {BLOCKS}
"""  # noqa: S608  (of constants)
_UNLIKE = f"""{_LOCKED}, gone AS (
    DELETE FROM engagement_like WHERE post_id = (SELECT id FROM post) AND user_id = %(viewer)s RETURNING post_id
), counted AS ({LIKES.moving("gone", -1)}), told AS ({outbox.writing("tasks", given="gone")})
SELECT post.*, {MARKS}, -(SELECT count(*) FROM gone) FROM post CROSS JOIN {BLOCKS}
"""  # noqa: S608  (of constants)


def like(post_id: UUID, *, by: UUID) -> LockedPost:
    """`by` likes the post. Liking twice is liking once. Returns the post with its present counts. Raises NotFound."""
    return _move_like(_LIKE, post_id, by, post_liked)


def unlike(post_id: UUID, *, by: UUID) -> LockedPost:
    """Raises NotFound."""
    return _move_like(_UNLIKE, post_id, by, post_unliked)


def _move_like(statement: str, post_id: UUID, by: UUID, fact: DomainEvent) -> LockedPost:
    tasks = fact.held(post_id=str(post_id), actor_id=str(by))
    for *row, step in select(_with_door(statement), id=new_id(), viewer=by, post=post_id, tasks=tasks):
        post = LockedPost.of(*row)
        post.like_count = max(post.like_count + step, 0)
        return post
    raise NotFound


@lru_cache
def _with_door(statement: str) -> str:
    """The rule for who sees the post is composed when it is first asked."""
    return statement.format(seen=_SEEN.sql)


@transaction.atomic
def save(post_id: UUID, *, by: UUID) -> None:
    """Keep the post among one's own; nobody is told. Raises NotFound."""
    Save.objects.bulk_create([Save(post_id=_lock_seen(post_id, by).id, user_id=by)], ignore_conflicts=True)


@transaction.atomic
def unsave(post_id: UUID, *, by: UUID) -> None:
    Save.objects.filter(post=post_id, user=by).delete()


@transaction.atomic
def like_comment(comment_id: UUID, *, by: UUID) -> Comment:
    """As `like`, of a comment that stands."""
    comment = _locked_comment(comment_id)
    _, first = CommentLike.objects.get_or_create(comment=comment, user_id=by)
    if first:
        COMMENT_LIKES.increment(comment.pk)
        comment.like_count += 1
        comment_liked.publish(comment_id=str(comment.pk), actor_id=str(by))
    return comment


@transaction.atomic
def unlike_comment(comment_id: UUID, *, by: UUID) -> Comment:
    comment = _locked_comment(comment_id)
    if CommentLike.objects.filter(comment=comment, user=by).delete()[0]:
        COMMENT_LIKES.decrement(comment.pk)
        comment.like_count = max(comment.like_count - 1, 0)
        comment_unliked.publish(comment_id=str(comment.pk), actor_id=str(by))
    return comment


def _lock_seen(post_id: UUID, by: UUID) -> LockedPost:
    """The door and the lock in one. Raises NotFound for a post that `by` may not see."""
    for row in select(_with_door(_LOCK), viewer=by, post=post_id):
        return LockedPost.of(*row)
    raise NotFound


def _locked_post(post_id: UUID) -> Post:
    post: Post | None = Post.objects.select_for_update(no_key=True).filter(pk=post_id).first()
    if post is None:
        raise NotFound
    return post


def _locked_comment(comment_id: UUID) -> Comment:
    comment: Comment | None = Comment.objects.standing().select_for_update(no_key=True).filter(pk=comment_id).first()
    if comment is None:
        raise NotFound
    return comment


# ── Comments ─────────────────────────────────────────────────────────────────────────────────────────────
_COMMENT = f"""{_LOCKED}, made AS (
    INSERT INTO engagement_comment (id, post_id, author_id, parent_id, text, like_count, reply_count)
    SELECT %(id)s, post.id, %(viewer)s, %(parent)s::uuid, %(text)s, 0, 0 FROM post WHERE comments_enabled
    RETURNING post_id, parent_id
), counted AS ({COMMENTS.moving("made", 1)}), thread AS ({REPLIES.moving("made", 1)}), told AS (
    {outbox.writing("tasks", given="made")}
)
SELECT comments_enabled FROM post
"""  # noqa: S608  (of constants)


def comment(post_id: UUID, *, by: UUID, text: str, parent_id: UUID | None = None) -> Comment:
    """A comment, or a reply to the comment `parent_id`; a reply to a reply hangs under the same parent. What concerns
    nothing but the post is one statement.

    Raises NotFound, CommentsDisabled, Invalid: a parent that `by` cannot see on this post, too many mentions;
    BlockedText, NewAccountLimitReached.
    """
    suspicious, mentioned = terms.screen(text=text), captions.mentions_in(text)
    if not (parent_id or suspicious or mentioned or newcomers.is_counted("comment", by)):
        return _write_comment(post_id, by, text)
    with transaction.atomic():
        _require_open([_lock_seen(post_id, by).comments_enabled])
        require_few(mentioned, field="text")
        made = _write_comment(post_id, by, text, _thread_of(post_id, parent_id, by) if parent_id else None)
        newcomers.spend("comment", by)
        _note_mentions(made, by, mentioned)
        for term_id in suspicious:
            blocked_text_commented.publish(comment_id=str(made.pk), term_id=str(term_id))
    return made


def _write_comment(post_id: UUID, by: UUID, text: str, thread_id: UUID | None = None) -> Comment:
    """Raises NotFound, CommentsDisabled."""
    made = Comment(post_id=post_id, author_id=by, parent_id=thread_id, text=text)
    tasks = comment_made.held(comment_id=str(made.pk), post_id=str(post_id), author_id=str(by))
    values = {"id": made.pk, "viewer": by, "post": post_id, "parent": thread_id, "text": text, "tasks": tasks}
    _require_open(enabled for (enabled,) in select(_with_door(_COMMENT), **values))
    return made


def _require_open(seen: Iterable[bool]) -> None:
    """`seen`: whether the post takes comments, if it may be seen. Raises NotFound, CommentsDisabled."""
    for comments_enabled in seen:
        if not comments_enabled:
            raise CommentsDisabled
        return
    raise NotFound


def _thread_of(post_id: UUID, parent_id: UUID, author_id: UUID) -> UUID:
    """The comment that a reply to `parent_id` hangs under."""
    parent = Comment.objects.visible_to(author_id).on(post_id).filter(pk=parent_id).first()
    if parent is None:
        raise Invalid(parent_id=("invalid_parent", "No comment of this post that can be replied to."))
    thread_id: UUID = parent.parent_id or parent.pk
    return thread_id


def _note_mentions(made: Comment, author_id: UUID, mentioned: list[captions.Mentioned]) -> None:
    CommentMention.objects.bulk_create(
        [
            CommentMention(comment=made, user_id=pk, offset=where.offset, length=where.length)
            for pk, where in people_mentioned(mentioned, author_id=author_id)
        ]
    )


@transaction.atomic
def remove_comment(comment_id: UUID) -> None:
    """Gone; one with replies stays as a tombstone until they are gone, too. Raises NotFound, also the second time."""
    removed = _locked_with_post(comment_id)
    if removed.taken_down_at is None:
        _count(removed, COMMENTS.decrement, REPLIES.decrement)
    comment_hidden.publish(comment_id=str(removed.pk), post_id=str(removed.post_id))
    if Comment.objects.filter(parent=removed).exists():
        _bury(removed)
        return
    parent_id = removed.parent_id
    removed.delete()
    if parent_id and not Comment.objects.filter(parent=parent_id).exists():
        Comment.objects.filter(pk=parent_id, removed_at__isnull=False).delete()


def _bury(removed: Comment) -> None:
    removed.author_id, removed.text, removed.removed_at, removed.like_count = None, "", timezone.now(), 0
    removed.mentions.all().delete()
    removed.likes.all().delete()
    removed.save(update_fields=["author", "text", "removed_at", "like_count"])


@transaction.atomic
def take_down_comment(comment: Comment) -> bool:
    """Gone for everybody, until it is restored. True if it stood. Raises NotFound."""
    locked = _locked_with_post(comment.pk)
    if locked.taken_down_at:
        return False
    locked.taken_down_at = timezone.now()
    locked.save(update_fields=["taken_down_at"])
    _count(locked, COMMENTS.decrement, REPLIES.decrement)
    comment_hidden.publish(comment_id=str(locked.pk), post_id=str(locked.post_id))
    return True


@transaction.atomic
def restore_comment(comment: Comment) -> bool:
    """Undo `take_down_comment`. True if it was taken down. Raises NotFound."""
    locked = _locked_with_post(comment.pk)
    if not locked.taken_down_at:
        return False
    locked.taken_down_at = None
    locked.save(update_fields=["taken_down_at"])
    _count(locked, COMMENTS.increment, REPLIES.increment)
    comment_shown.publish(comment_id=str(locked.pk), post_id=str(locked.post_id))
    return True


def _locked_with_post(comment_id: UUID) -> Comment:
    """A comment that has not been removed, and its post: in this order, the post first."""
    post_id = Comment.objects.filter(pk=comment_id).values_list("post_id", flat=True).first()
    if post_id is None:
        raise NotFound
    _locked_post(post_id)
    locked: Comment | None = Comment.objects.select_for_update().filter(pk=comment_id, removed_at=None).first()
    if locked is None:
        raise NotFound
    return locked


def _count(comment: Comment, move_comments: Callable[[UUID], None], move_replies: Callable[[UUID], None]) -> None:
    move_comments(comment.post_id)
    if comment.parent_id:
        move_replies(comment.parent_id)
