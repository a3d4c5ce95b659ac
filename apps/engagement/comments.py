"""Comments: write, remove, take down and restore.

Every write locks the post before the comment, so that concurrent writes to the same post wait for each other.
"""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.content import captions
from apps.content.mentions import accounts_mentioned, validate_mention_limit
from apps.content.models import Post
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.engagement.counters import COMMENTS, REPLIES
from apps.engagement.events import blocked_text_commented, comment_hidden, comment_made, comment_shown
from apps.engagement.models import Comment, CommentMention
from apps.safety import newcomers, terms


class CommentsDisabled(Forbidden):
    code, title = "comments_disabled", _("This post takes no comments.")


@transaction.atomic
def comment(post_id: UUID, *, by: UUID, text: str, parent_id: UUID | None = None) -> Comment:
    """Comment on a post, or reply to the comment `parent_id`. A reply to a reply gets the same parent.

    Raises NotFound if `by` may not see the post; CommentsDisabled; Invalid for a parent that `by` cannot see on this
    post and for too many mentions; BlockedText; NewAccountLimitReached.
    """
    flagged_terms = terms.screen(text=text)
    mentioned = captions.mentions_in(text)
    post = Post.objects.lock_visible(post_id, viewer_id=by)
    if not post.comments_enabled:
        raise CommentsDisabled
    validate_mention_limit(mentioned, field="text")
    thread_id = _thread_of(post_id, parent_id, by) if parent_id else None
    newcomers.spend("comment", by)
    made = Comment.objects.create(post=post, author_id=by, parent_id=thread_id, text=text)
    _change_counters(made, COMMENTS.increment, REPLIES.increment)
    _save_mentions(made, mentioned, by)
    comment_made.publish(comment_id=str(made.pk), post_id=str(post.pk), author_id=str(by))
    for term_id in flagged_terms:
        blocked_text_commented.publish(comment_id=str(made.pk), term_id=str(term_id))
    return made


def _thread_of(post_id: UUID, parent_id: UUID, author_id: UUID) -> UUID:
    """The parent of a reply to `parent_id`. Raises Invalid."""
    parent = Comment.objects.visible_to(author_id).on(post_id).filter(pk=parent_id).first()
    if parent is None:
        raise Invalid(parent_id=("invalid_parent", _("No comment of this post that can be replied to.")))
    thread_id: UUID = parent.parent_id or parent.pk
    return thread_id


def _save_mentions(made: Comment, mentioned: list[captions.Mentioned], author_id: UUID) -> None:
    CommentMention.objects.bulk_create(
        CommentMention(comment=made, user_id=pk, offset=mention.offset, length=mention.length)
        for pk, mention in accounts_mentioned(mentioned, author_id=author_id)
    )


@transaction.atomic
def remove_comment(comment_id: UUID) -> None:
    """Delete a comment. One with replies stays as a tombstone until the last reply is deleted.

    Raises NotFound, also for a comment that is removed already.
    """
    removed = _lock(comment_id)
    if removed.taken_down_at is None:
        _change_counters(removed, COMMENTS.decrement, REPLIES.decrement)
    comment_hidden.publish(comment_id=str(removed.pk), post_id=str(removed.post_id))
    if Comment.objects.filter(parent=removed).exists():
        _make_tombstone(removed)
        return
    parent_id = removed.parent_id
    removed.delete()
    if parent_id and not Comment.objects.filter(parent=parent_id).exists():
        Comment.objects.filter(pk=parent_id, removed_at__isnull=False).delete()


def _make_tombstone(removed: Comment) -> None:
    removed.author_id, removed.text, removed.removed_at, removed.like_count = None, "", timezone.now(), 0
    removed.mentions.all().delete()
    removed.likes.all().delete()
    removed.save(update_fields=["author", "text", "words", "removed_at", "like_count"])


@transaction.atomic
def take_down_comment(comment: Comment) -> bool:
    """Hide a comment from everybody until it is restored. Returns False if it is taken down already. Raises
    NotFound."""
    locked = _lock(comment.pk)
    if locked.taken_down_at:
        return False
    locked.taken_down_at = timezone.now()
    locked.save(update_fields=["taken_down_at"])
    _change_counters(locked, COMMENTS.decrement, REPLIES.decrement)
    comment_hidden.publish(comment_id=str(locked.pk), post_id=str(locked.post_id))
    return True


@transaction.atomic
def restore_comment(comment: Comment) -> bool:
    """Undo `take_down_comment`. Returns False if the comment is not taken down. Raises NotFound."""
    locked = _lock(comment.pk)
    if not locked.taken_down_at:
        return False
    locked.taken_down_at = None
    locked.save(update_fields=["taken_down_at"])
    _change_counters(locked, COMMENTS.increment, REPLIES.increment)
    comment_shown.publish(comment_id=str(locked.pk), post_id=str(locked.post_id))
    return True


def _lock(comment_id: UUID) -> Comment:
    """Lock the post of a comment, then the comment, unless it is removed. Raises NotFound."""
    post_id = Comment.objects.filter(pk=comment_id).values_list("post_id", flat=True).first()
    if post_id is None or Post.objects.select_for_update(no_key=True).filter(pk=post_id).first() is None:
        raise NotFound
    locked: Comment | None = Comment.objects.select_for_update().filter(pk=comment_id, removed_at=None).first()
    if locked is None:
        raise NotFound
    return locked


def _change_counters(
    comment: Comment, change_comments: Callable[[UUID], None], change_replies: Callable[[UUID], None]
) -> None:
    change_comments(comment.post_id)
    if comment.parent_id:
        change_replies(comment.parent_id)
