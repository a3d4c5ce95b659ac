"""The home timeline, read from the database. It is exact; live timelines and snapshots are faster copies.

The feed of a viewer consists of the published posts of the accounts that the viewer follows and does not mute, and of
the viewer's own posts. `follows_in_feed` is the only definition of that.

The first page is read from the posts of the `limit + SPARE` authors who have posted last. Let `bound` be the newest
post of the last one of them. All other authors have no post that is newer than `bound`. So if these authors have a full
page of posts that are not older than `bound`, this is the first page. It is full unless more than SPARE of these
authors have lost their newest post (deleted, taken down, suspended). In that case, and for later pages, all authors are
read. `NewestPost` holds the newest post of each author. Decision 25.
"""

from uuid import UUID

from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet, Subquery, Value

from apps.content.models import Post
from apps.content.querysets import PUBLISHED, PostQuerySet
from apps.core.db.compiled import CompiledQuery
from apps.core.db.queries import fetch_rows, load
from apps.social.models import Follow, Mute

SPARE = 16
# A viewer who follows n of all authors finds `authors` of them among some authors * all / n rows of NewestPost. Reading
# a row in the order of the index takes about a fourth of the time of looking one up by its author. If too few authors
# are found, three times as many rows are read before the look-ups begin.
SCAN_WORTH = 0.25
SCAN_REACH = 3


def follows_in_feed(viewer_id: UUID) -> QuerySet[Follow]:
    """The follows of the viewer whose posts are in the viewer's feed."""
    muted = Mute.objects.filter(muter=viewer_id, muted=OuterRef("followed"))
    return Follow.objects.filter(~Exists(muted), follower=viewer_id)


def in_feed_of(viewer_id: UUID, posts: PostQuerySet) -> PostQuerySet:
    """Those of `posts` that belong to the viewer's feed."""
    follow = follows_in_feed(viewer_id).filter(followed=OuterRef("author_id"))
    # A value instead of EXISTS: beside an OR, PostgreSQL would read all follows of the viewer for each page.
    followed = Subquery(follow.values(true=Value(True))[:1], output_field=BooleanField())
    return posts.published().filter(Q(author=viewer_id) | Q(followed))


_FOLLOWS = CompiledQuery(lambda viewer: follows_in_feed(viewer).values("followed"))
# The statements check once for each author whether the account is active.
_PUBLISHED = CompiledQuery(lambda: Post.objects.filter(PUBLISHED).values("id", "author_id"))


def newest_ids(viewer_id: UUID, *, limit: int, before: UUID | None = None) -> list[UUID]:
    """Ids of up to `limit` posts of the viewer's feed that are older than `before`, newest first."""
    if before is None:
        ids, has_bound = _first_page(viewer_id, limit)
        if len(ids) == limit or not has_bound:
            return ids
    parameters = {"viewer": viewer_id, "before": before, "limit": limit}
    return [pk for (pk,) in fetch_rows(newest_posts_sql(viewer_id), parameters)]


def _first_page(viewer_id: UUID, limit: int) -> tuple[list[UUID], bool]:
    """The ids, and whether there are more authors than were read."""
    parameters = {"viewer": viewer_id, "limit": limit, "authors": limit + SPARE}
    parameters |= {"worth": SCAN_WORTH, "reach": SCAN_REACH}
    [(ids, has_bound)] = fetch_rows(first_page_sql(viewer_id), parameters)
    return ids, has_bound


def newest_posts_sql(viewer_id: UUID) -> str:
    return load("feed/newest_posts", **slots(viewer_id))


def first_page_sql(viewer_id: UUID) -> str:
    return load("feed/first_page", **slots(viewer_id))


def slots(viewer_id: UUID) -> dict[str, str]:
    return {"follows": _FOLLOWS.sql(viewer=viewer_id), "published": _PUBLISHED.sql()}
