"""Comments as the API shows them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apps.accounts.api.cards import mini
from apps.accounts.models import User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.engagement.querysets import CommentMarks, Marks, comment_marks, marks
from apps.social.blocks import between

Card = dict[str, Any]


def post_counts(post: Post, mark: Marks) -> Card:
    """What the viewer may find under the post: without the likes and comments that a block hides from them."""
    return {
        "likes": max(post.like_count - mark.hidden_likes, 0),
        "comments": max(post.comment_count - mark.hidden_comments, 0),
    }


def counts_of(post: Post, viewer_id: UUID) -> Card:
    return post_counts(post, marks(viewer_id, [post.pk]).get(post.pk, Marks()))


def comment_cards(comments: Sequence[Comment], viewer_id: UUID | None) -> list[Card]:
    """Cards of comments fetched with `for_cards()`, in two more queries however many they are."""
    marked = comment_marks(viewer_id, [comment.pk for comment in comments])
    mentionable = _mentionable(comments, viewer_id)
    return [_card(comment, viewer_id, marked.get(comment.pk, CommentMarks()), mentionable) for comment in comments]


def _mentionable(comments: Sequence[Comment], viewer_id: UUID | None) -> set[UUID]:
    """Who of the mentioned may be shown to the viewer: people in good standing, without a block either way."""
    mentioned = {mention.user_id for comment in comments for mention in comment.mentions.all()}
    if not mentioned:
        return set()
    people = User.objects.standing().filter(pk__in=mentioned)
    return set((people.exclude(between("id", viewer_id)) if viewer_id else people).values_list("pk", flat=True))


def comment_card(comment: Comment, viewer_id: UUID | None) -> Card:
    return comment_cards([comment], viewer_id)[0]


def comment_counts(comment: Comment, mark: CommentMarks) -> Card:
    return {
        "likes": max(comment.like_count - mark.hidden_likes, 0),
        "replies": max(comment.reply_count - mark.hidden_replies, 0),
    }


def _card(comment: Comment, viewer_id: UUID | None, mark: CommentMarks, mentionable: set[UUID]) -> Card:
    """What does not stand says nothing but that it was there."""
    gone = comment.removed_at is not None or comment.taken_down_at is not None
    return {
        "id": comment.pk,
        "post_id": comment.post_id,
        "author": None if gone or comment.author is None else mini(comment.author),
        "text": "" if gone else comment.text,
        "mentions": [
            mini(mention.user) | {"offset": mention.offset, "length": mention.length}
            for mention in comment.mentions.all()
            if not gone and mention.user_id in mentionable
        ],
        "parent_id": comment.parent_id,
        "counts": comment_counts(comment, mark) | ({"likes": 0} if gone else {}),
        "viewer": {"liked": mark.liked} if viewer_id else None,
        "removed": gone,
        "created_at": comment.created_at,
    }
