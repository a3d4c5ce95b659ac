"""Like, save, comment; and take each back.

Every verb that adds or removes a row under a post first locks the post, so that it is decided after or before a
deletion, a closing of the comments and the other verbs, never across them; a comment's likes lock the comment.
"""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.content import captions
from apps.content.models import Post
from apps.content.services import MAX_MENTIONS
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.engagement.counters import COMMENT_LIKES, COMMENTS, LIKES, REPLIES
from apps.engagement.facts import (
    comment_hidden,
    comment_liked,
    comment_made,
    comment_shown,
    comment_unliked,
    post_liked,
    post_unliked,
)
from apps.engagement.models import Comment, CommentLike, CommentMention, Like, Save
from apps.social.blocks import between


class CommentsDisabled(Forbidden):
    code, title = "comments_disabled", "This post takes no comments."


# ── Likes and saves ──────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def like(post_id: UUID, *, by: UUID) -> Post:
    """`by` likes the post. Liking twice is liking once. Returns the post with its present counts. Raises NotFound."""
    post = _locked_post(post_id)
    _, first = Like.objects.get_or_create(post=post, user_id=by)
    if first:
        LIKES.increment(post.pk)
        post.like_count += 1
        post_liked.tell(post_id=str(post.pk), actor_id=str(by))
    return post


@transaction.atomic
def unlike(post_id: UUID, *, by: UUID) -> Post:
    """Raises NotFound."""
    post = _locked_post(post_id)
    if Like.objects.filter(post=post, user=by).delete()[0]:
        LIKES.decrement(post.pk)
        post.like_count = max(post.like_count - 1, 0)
        post_unliked.tell(post_id=str(post.pk), actor_id=str(by))
    return post


@transaction.atomic
def save(post_id: UUID, *, by: UUID) -> None:
    """Keep the post among one's own; nobody is told. Raises NotFound."""
    Save.objects.get_or_create(post=_locked_post(post_id), user_id=by)


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
        comment_liked.tell(comment_id=str(comment.pk), actor_id=str(by))
    return comment


@transaction.atomic
def unlike_comment(comment_id: UUID, *, by: UUID) -> Comment:
    comment = _locked_comment(comment_id)
    if CommentLike.objects.filter(comment=comment, user=by).delete()[0]:
        COMMENT_LIKES.decrement(comment.pk)
        comment.like_count = max(comment.like_count - 1, 0)
        comment_unliked.tell(comment_id=str(comment.pk), actor_id=str(by))
    return comment


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
@transaction.atomic
def comment(post_id: UUID, *, by: UUID, text: str, parent_id: UUID | None = None) -> Comment:
    """A comment, or a reply to the comment `parent_id`; a reply to a reply hangs under the same parent.

    Raises NotFound, CommentsDisabled, Invalid: a parent that `by` cannot see on this post, too many mentions.
    """
    post = _locked_post(post_id)
    if not post.comments_enabled:
        raise CommentsDisabled
    mentioned = captions.mentions_in(text)
    if len(mentioned) > MAX_MENTIONS:
        raise Invalid(text=("too_many_mentions", f"At most {MAX_MENTIONS} mentions."))
    thread_id = _thread_of(post, parent_id, by) if parent_id else None
    made = Comment.objects.create(post=post, author_id=by, parent_id=thread_id, text=text)
    _note_mentions(made, by, mentioned)
    _count(made, COMMENTS.increment, REPLIES.increment)
    comment_made.tell(comment_id=str(made.pk), post_id=str(post.pk), author_id=str(by))
    return made


def _thread_of(post: Post, parent_id: UUID, author_id: UUID) -> UUID:
    """The comment that a reply to `parent_id` hangs under."""
    parent = Comment.objects.visible_to(author_id).on(post.pk).filter(pk=parent_id).first()
    if parent is None:
        raise Invalid(parent_id=("invalid_parent", "No comment of this post that can be replied to."))
    thread_id: UUID = parent.parent_id or parent.pk
    return thread_id


def _note_mentions(made: Comment, author_id: UUID, mentioned: list[captions.Mentioned]) -> None:
    """Of people in good standing, without a block either way. A mention widens nobody's sight."""
    if not mentioned:
        return
    handles = {mention.handle for mention in mentioned}
    standing = User.objects.standing().filter(handle__in=handles).exclude(between("id", author_id))
    people = dict(standing.values_list("handle", "pk"))
    CommentMention.objects.bulk_create(
        CommentMention(comment=made, user_id=people[m.handle], offset=m.offset, length=m.length)
        for m in mentioned
        if m.handle in people
    )


@transaction.atomic
def remove_comment(comment_id: UUID) -> None:
    """Gone; one with replies stays as a tombstone until they are gone, too. Raises NotFound, also the second time."""
    removed = _locked_with_post(comment_id)
    if removed.taken_down_at is None:
        _count(removed, COMMENTS.decrement, REPLIES.decrement)
    comment_hidden.tell(comment_id=str(removed.pk), post_id=str(removed.post_id))
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
    comment_hidden.tell(comment_id=str(locked.pk), post_id=str(locked.post_id))
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
    comment_shown.tell(comment_id=str(locked.pk), post_id=str(locked.post_id))
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
