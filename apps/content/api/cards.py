"""Posts as the API shows them.

One statement brings all that cards show, through the one rule for who may see a post; plain functions make dicts of it.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from orjson import Fragment

from apps.accounts.api.cards import mini_json
from apps.content.api import remembered
from apps.content.api.mentions import mention_cards, mentions_sql
from apps.content.api.remembered import VERSIONS, Lasting
from apps.content.models import Post
from apps.content.querysets import CARD
from apps.core.api.pagination import Window, page
from apps.core.api.renderers import dumps
from apps.core.db.ids import PackedId
from apps.core.db.statements import Row, Sight, Statement, array_of_packed, columns, select
from apps.core.errors import NotFound
from apps.core.times import moments_as_sent, sent_moment
from apps.engagement.api.cards import post_counts
from apps.engagement.querysets import MARKS, Marks
from apps.media.api.cards import PHOTO, photo_cards
from apps.media.urls import present_instant
from apps.social.blocks import BLOCKED, BLOCKS

Card = dict[str, Any]
# Where they are in a row.
_CAPTION = list(CARD).index("caption")
_AUTHOR = slice(list(CARD).index("author_id"), len(CARD))
# The versions, the photos and the tags: the last of the columns.
_LASTING = -3
_SEEN = Sight(lambda viewer: Post.objects.visible_to(viewer).for_cards())
_REVIEWED = Statement(lambda: Post.objects.all().for_cards())
# Of `post`. The photos are gathered as text, which is sooner remembered than a list.
_PHOTOS = f"""(SELECT json_agg(json_build_array({PHOTO}) ORDER BY item.position)::text
        FROM content_postmedia AS item JOIN media_media AS medium ON medium.id = item.medium_id
        WHERE item.post_id = post.id)"""  # noqa: S608  (of constants)
_TAGS = """ARRAY(SELECT tag.name FROM content_posttag AS said JOIN content_tag AS tag ON tag.id = said.tag_id
        WHERE said.post_id = post.id ORDER BY said.position)"""
# Ids as bytes and as text and moments as bytes, which Python makes, compares and hashes sooner.
_MOMENTS = moments_as_sent("post", "taken_down_at", "created_at", "edited_at")
_COLUMNS = columns("post", CARD, id="uuid_send(post.id)", author_id="post.author_id::text", **_MOMENTS)
_CARDS = f"""
WITH {BLOCKED}
SELECT {_COLUMNS},
    {mentions_sql("content_mention", "post", "caption")},
    {MARKS},
    {{lasting}}
FROM ({{seen}}) AS post ({", ".join(CARD)}) CROSS JOIN {BLOCKS}
WHERE {{chosen}}
"""  # noqa: S608  (of constants)
# One statement for a post and another for many, since a kept plan takes any list for ten ids, and reads for one what
# only pays for many. What a page shows has often been shown before, what is asked for by itself seldom: a page of which
# all is known has a third one, without the parts that PostgreSQL would set up and not use.
_ONE = f"NULL, {_PHOTOS}, {_TAGS}", "post.id = %(id)s"
_UNKNOWN = "CASE WHEN post.id <> ALL (%(known)s) THEN {} END"
_MANY = f"{VERSIONS}, {_UNKNOWN.format(_PHOTOS)}, {_UNKNOWN.format(_TAGS)}", "post.id = ANY (%(ids)s)"
_MANY_KNOWN = f"{VERSIONS}, NULL, NULL", "post.id = ANY (%(ids)s)"


def post_cards_of(
    ids: Iterable[PackedId], viewer_id: UUID | None, *, among: Statement | None = None
) -> dict[PackedId, Fragment]:
    """{id: card, as JSON} of those posts that the viewer may see, in one statement; or, instead, of those that `among`
    selects `for_cards()` by another rule. Should what is remembered of them have changed, which is rare, they are asked
    for anew."""
    wanted = list(ids)
    known = remembered.of(wanted)
    lasting_part, chosen = _MANY_KNOWN if len(known) == len(wanted) else _MANY
    sql = _cards_sql(among.sql if among else _SEEN.sql(viewer_id), lasting_part, chosen)
    rows = select(sql, viewer=viewer_id, ids=array_of_packed(wanted), known=array_of_packed(known))
    at, cards, changed = present_instant(), {}, []
    for row in rows:
        pk = row[0]
        lasting = known.get(pk) or remembered.add(pk, _lasting(row))
        if not lasting.is_of(row[_CAPTION], row[_LASTING]):
            changed.append(pk)
        cards[pk] = _card(row[:_LASTING], lasting, viewer_id is not None, at)
    if changed:
        remembered.forget(changed)
        return post_cards_of(wanted, viewer_id, among=among)
    return cards


def post_card(post_id: UUID, viewer_id: UUID | None, *, review: bool = False) -> Fragment:
    """As JSON. `review`: of any post, for a moderator. Raises NotFound for a post that the viewer may not see."""
    seen = _REVIEWED.sql if review else _SEEN.sql(viewer_id)
    rows = select(_cards_sql(seen, *_ONE), viewer=viewer_id, id=post_id)
    if not rows:
        raise NotFound
    return _card(rows[0][:_LASTING], _lasting(rows[0]), viewer_id is not None, present_instant())


def post_cards(ids: Iterable[UUID], viewer_id: UUID | None) -> list[Fragment]:
    """The cards of a page of a list, as JSON; what is seen no more by now is left out."""
    wanted = [pk.bytes for pk in ids]
    cards = post_cards_of(wanted, viewer_id)
    return [card for pk in wanted if (card := cards.get(pk))]


def post_page(ids: Sequence[UUID], window: Window, viewer_id: UUID | None) -> Card:
    """The answer of a list that is paged by the posts' ids."""
    return page(ids, window, position=lambda pk: [pk], cards=lambda shown: post_cards(shown, viewer_id))


@lru_cache
def _cards_sql(seen: str, lasting: str, chosen: str) -> str:
    return _CARDS.format(seen=seen, lasting=lasting, chosen=chosen)


def _lasting(row: Row) -> Lasting:
    versions, photos, tags = row[_LASTING:]
    return Lasting(row[_CAPTION], tuple(versions or ()), photos, tuple(tags))


@lru_cache(maxsize=remembered.LIMIT)
def _card(shown: Row, lasting: Lasting, is_viewed: bool, at: int) -> Fragment:
    """As JSON. `is_viewed`: by somebody. `at`: the instant of its URLs.

    It is remembered, since many are shown the same card; it is a function of all that it is made of. An entry takes
    some 5 KB for each photo."""
    # As `CARD` names them.
    (
        pk,
        caption,
        visibility,
        status,
        taken_down_at,
        sensitive,
        comments_enabled,
        likes,
        comments,
        created_at,
        edited_at,
        is_open,
    ) = shown[: _AUTHOR.start]
    mentions, *marks = shown[_AUTHOR.stop :]
    mark = Marks(*marks)
    card = {
        "id": UUID(bytes=pk),
        "author": mini_json(shown[_AUTHOR], at),
        "caption": caption,
        "media": photo_cards(lasting.photos, public=is_open, at=at),
        "visibility": visibility,
        "status": "taken_down" if taken_down_at else status,
        "sensitive": sensitive,
        "comments_enabled": comments_enabled,
        "tags": lasting.tags,
        "mentions": mention_cards(mentions, at),
        "counts": post_counts(likes, comments, mark),
        "viewer": {"liked": mark.liked, "saved": mark.saved} if is_viewed else None,
        "created_at": sent_moment(created_at),
        "edited_at": sent_moment(edited_at),
    }
    return Fragment(dumps(card))
