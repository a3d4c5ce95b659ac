"""Posts as the API shows them.

One statement brings all that cards show, through the one rule for who may see a post; plain functions make dicts of it.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from apps.accounts.api.cards import author_of, mini_json
from apps.content.api.mentions import mention_cards, mentions_sql
from apps.content.models import Post
from apps.content.querysets import CARD
from apps.core.api.pagination import Window, page
from apps.core.errors import NotFound
from apps.core.statements import Row, Sight, Statement, array_of, select
from apps.engagement.api.cards import post_counts
from apps.engagement.querysets import MARKS, Marks
from apps.media.api.cards import PHOTO, photo_cards
from apps.media.urls import present_instant
from apps.social.blocks import BLOCKED

Card = dict[str, Any]
_SEEN = Sight(lambda viewer: Post.objects.visible_to(viewer).for_cards())
_REVIEWED = Statement(lambda: Post.objects.all().for_cards())
_CARDS = f"""
WITH {BLOCKED}
SELECT post.*,
    (SELECT json_agg(json_build_array({PHOTO}) ORDER BY item.position)::text
        FROM content_postmedia AS item JOIN media_media AS medium ON medium.id = item.medium_id
        WHERE item.post_id = post.id),
    ARRAY(SELECT tag.name FROM content_posttag AS said JOIN content_tag AS tag ON tag.id = said.tag_id
        WHERE said.post_id = post.id ORDER BY said.position),
    {mentions_sql("content_mention", "post")},
    {MARKS}
FROM ({{seen}}) AS post ({", ".join(CARD)})
WHERE {{chosen}}
"""  # noqa: S608  (of constants)
# Two statements, since a kept plan takes any list for ten ids, and reads for one what only pays for many.
_MANY, _ONE = "post.id = ANY(%(ids)s)", "post.id = %(id)s"


def post_cards_of(ids: Iterable[UUID], viewer_id: UUID | None, *, among: Statement | None = None) -> dict[UUID, Card]:
    """{id: card} of those posts that the viewer may see, in one statement; or, instead, of those that `among` selects
    `for_cards()` by another rule."""
    seen = among.sql if among else _SEEN.sql(viewer_id)
    rows, at = select(_cards_sql(seen, _MANY), viewer=viewer_id, ids=array_of(ids)), present_instant()
    return {row[0]: _card(row, viewer_id, at) for row in rows}


def post_card(post_id: UUID, viewer_id: UUID | None, *, review: bool = False) -> Card:
    """`review`: of any post, for a moderator. Raises NotFound for a post that the viewer may not see."""
    seen = _REVIEWED.sql if review else _SEEN.sql(viewer_id)
    rows = select(_cards_sql(seen, _ONE), viewer=viewer_id, id=post_id)
    if not rows:
        raise NotFound
    return _card(rows[0], viewer_id, present_instant())


def post_cards(ids: Iterable[UUID], viewer_id: UUID | None) -> list[Card]:
    """The cards of a page of a list; what is seen no more by now is left out."""
    wanted = list(ids)
    cards = post_cards_of(wanted, viewer_id)
    return [card for pk in wanted if (card := cards.get(pk))]


def post_page(ids: Sequence[UUID], window: Window, viewer_id: UUID | None) -> Card:
    """The answer of a list that is paged by the posts' ids."""
    return page(ids, window, position=lambda pk: [pk], cards=lambda shown: post_cards(shown, viewer_id))


@lru_cache
def _cards_sql(seen: str, chosen: str) -> str:
    return _CARDS.format(seen=seen, chosen=chosen)


def _card(row: Row, viewer_id: UUID | None, at: int) -> Card:
    """`at`: the instant of its URLs."""
    own, (photos, tags, mentions, *marks) = dict(zip(CARD, row, strict=False)), row[len(CARD) :]
    mark = Marks(*marks)
    return {
        "id": own["id"],
        "author": mini_json(author_of(own), at),
        "caption": own["caption"],
        "media": photo_cards(photos, public=own["is_open"], at=at),
        "visibility": own["visibility"],
        "status": "taken_down" if own["taken_down_at"] else own["status"],
        "sensitive": own["sensitive"],
        "comments_enabled": own["comments_enabled"],
        "tags": tags,
        "mentions": mention_cards(mentions),
        "counts": post_counts(own["like_count"], own["comment_count"], mark),
        "viewer": {"liked": mark.liked, "saved": mark.saved} if viewer_id else None,
        "created_at": own["created_at"],
        "edited_at": own["edited_at"],
    }
