"""Posts as the API shows them.

One statement brings all that cards show, through the one rule for who may see a post; plain functions make dicts of it.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from apps.accounts.api.cards import PERSON, Person, author_of, mini
from apps.content.models import Post
from apps.content.querysets import CARD
from apps.core.errors import NotFound
from apps.core.statements import Row, Statement, aggregate, select
from apps.engagement.api.cards import post_counts
from apps.engagement.querysets import MARKS, Marks
from apps.media.api.cards import PHOTO, Photo, media_card
from apps.social.blocks import BLOCKED, MENTIONABLE

Card = dict[str, Any]
# Whose sight is asked for: somebody's, that of an anonymous caller, a moderator's who reviews.
_SIGHTS = {
    "person": Statement(lambda viewer: Post.objects.visible_to(viewer).for_cards(), "viewer"),
    "anybody": Statement(lambda: Post.objects.open_to_everybody().for_cards()),
    "reviewer": Statement(lambda: Post.objects.all().for_cards()),
}
_CARDS = f"""
WITH {BLOCKED}
SELECT post.*,
    (SELECT json_agg(json_build_array({PHOTO}) ORDER BY item.position)::text
        FROM content_postmedia AS item JOIN media_media AS medium ON medium.id = item.medium_id
        WHERE item.post_id = post.id),
    ARRAY(SELECT tag.name FROM content_posttag AS said JOIN content_tag AS tag ON tag.id = said.tag_id
        WHERE said.post_id = post.id ORDER BY said.position),
    (SELECT json_agg(json_build_array(mention.offset, mention.length, {PERSON}) ORDER BY mention.offset)::text
        FROM content_mention AS mention JOIN accounts_user AS person ON person.id = mention.user_id
        LEFT JOIN media_media AS avatar ON avatar.id = person.avatar_id
        WHERE mention.post_id = post.id AND {MENTIONABLE}),
    {MARKS}
FROM ({{seen}}) AS post ({", ".join(CARD)})
WHERE post.id = ANY(%(ids)s)
"""  # noqa: S608  (of constants)


def post_cards_of(
    ids: Iterable[UUID], viewer_id: UUID | None, *, review: bool = False, sight: Statement | None = None
) -> dict[UUID, Card]:
    """{id: card} of those posts that the viewer may see, in one statement; `review`: of any post, for a moderator;
    `sight`: of those among `visible_to(viewer)` that a narrower rule leaves."""
    sight = sight or _SIGHTS["reviewer" if review else "person" if viewer_id else "anybody"]
    rows = select(_CARDS.format(seen=sight.sql), viewer=viewer_id, ids=list(ids))
    return {row[0]: _card(row, viewer_id) for row in rows}


def post_card(post_id: UUID, viewer_id: UUID | None, *, review: bool = False) -> Card:
    """Raises NotFound for a post that the viewer may not see."""
    card = post_cards_of([post_id], viewer_id, review=review).get(post_id)
    if card is None:
        raise NotFound
    return card


def in_order(ids: Iterable[UUID], viewer_id: UUID | None) -> list[Card]:
    """The cards of a page of a list; what is seen no more by now is left out."""
    wanted = list(ids)
    cards = post_cards_of(wanted, viewer_id)
    return [cards[pk] for pk in wanted if pk in cards]


def _card(row: Row, viewer_id: UUID | None) -> Card:
    own, (photos, tags, mentions, *marks) = dict(zip(CARD, row, strict=False)), row[len(CARD) :]
    mark = Marks(*marks)
    return {
        "id": own["id"],
        "author": mini(author_of(own)),
        "caption": own["caption"],
        "media": [media_card(Photo(*photo), public=own["is_open"]) for photo in aggregate(photos)],
        "visibility": own["visibility"],
        "status": "taken_down" if own["taken_down_at"] else own["status"],
        "sensitive": own["sensitive"],
        "comments_enabled": own["comments_enabled"],
        "tags": tags,
        "mentions": [
            mini(Person.of(*person)) | {"offset": offset, "length": length}
            for offset, length, *person in aggregate(mentions)
        ],
        "counts": post_counts(own["like_count"], own["comment_count"], mark),
        "viewer": {"liked": mark.liked, "saved": mark.saved} if viewer_id else None,
        "created_at": own["created_at"],
        "edited_at": own["edited_at"],
    }
