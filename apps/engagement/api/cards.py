"""Comments as the API shows them; and the counts of a post."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

from apps.accounts.api.cards import author_of, mini_json
from apps.content.api.mentions import mention_cards, mentions_sql
from apps.core.db.statements import Row, Sight, array_of, select
from apps.core.errors import NotFound
from apps.engagement.models import Comment
from apps.engagement.querysets import CARD, COMMENT_MARKS, CommentMarks, Marks
from apps.media.urls import present_instant
from apps.social.blocks import BLOCKED, BLOCKS

Card = dict[str, Any]


def post_counts(likes: int, comments: int, mark: Marks) -> Card:
    """What the viewer may find under the post: without the likes and comments that a block hides from them."""
    return {"likes": max(likes - mark.hidden_likes, 0), "comments": max(comments - mark.hidden_comments, 0)}


_SEEN = Sight(lambda viewer: Comment.objects.listed_for(viewer).for_cards())
_CARDS = f"""
WITH {BLOCKED}
SELECT comment.*,
    {mentions_sql("engagement_commentmention", "comment", "text")},
    {COMMENT_MARKS}
FROM ({{seen}}) AS comment ({", ".join(CARD)}) CROSS JOIN {BLOCKS}
WHERE comment.id = ANY(%(ids)s)
"""  # noqa: S608  (of constants)


def comment_cards(ids: Iterable[UUID], viewer_id: UUID | None) -> list[Card]:
    """The cards of those comments that are listed for the viewer, in one statement and in the order of `ids`. Whether
    their post may be seen is asked before."""
    wanted = list(ids)
    sql, at = _cards_sql(_SEEN.sql(viewer_id)), present_instant()
    rows = {row[0]: row for row in select(sql, viewer=viewer_id, ids=array_of(wanted))}
    return [_card(rows[pk], viewer_id, at) for pk in wanted if pk in rows]


@lru_cache
def _cards_sql(seen: str) -> str:
    return _CARDS.format(seen=seen)


def comment_card(comment_id: UUID, viewer_id: UUID) -> Card:
    """Raises NotFound."""
    for card in comment_cards([comment_id], viewer_id):
        return card
    raise NotFound


def comment_counts(likes: int, replies: int, mark: CommentMarks) -> Card:
    return {"likes": max(likes - mark.hidden_likes, 0), "replies": max(replies - mark.hidden_replies, 0)}


def _card(row: Row, viewer_id: UUID | None, at: int) -> Card:
    """What does not stand says nothing but that it was there. `at`: the instant of its URLs."""
    own, (mentions, *marks) = dict(zip(CARD, row, strict=False)), row[len(CARD) :]
    mark = CommentMarks(*marks)
    gone = own["removed_at"] is not None or own["taken_down_at"] is not None
    return {
        "id": own["id"],
        "post_id": own["post_id"],
        "author": None if gone or own["author_id"] is None else mini_json(author_of(own), at),
        "text": "" if gone else own["text"],
        "mentions": [] if gone else mention_cards(mentions, at),
        "parent_id": own["parent_id"],
        "counts": comment_counts(own["like_count"], own["reply_count"], mark) | ({"likes": 0} if gone else {}),
        "viewer": {"liked": mark.liked} if viewer_id else None,
        "removed": gone,
        "created_at": own["created_at"],
    }
