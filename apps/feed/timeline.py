"""The home timeline, from the database: fan-out on read. This is the truth; what stands in front of it is faster.

For each person followed, and oneself, an index seek takes the newest posts after the cursor; the newest of all these
are the page. Its cost depends on how many one follows, not on how many posts there are.

The first page is asked of those only who have posted last. Let `bound` be the newest post of the one who is K-th in
that order. Whoever comes behind has nothing newer than `bound`; so if those K have a whole page of posts that are not
older than it, that is the page. They have, as long as no more than SPARE of them have lost their newest post (deleted,
taken down, suspended); otherwise everybody is asked after all. Who these K are is found by looking up the note of each
person followed (`NewestPost`); or, for whoever follows a good part of all, by walking through all notes, newest first.
Decision 66.
"""

from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from apps.content.querysets import SHOWN, PostQuerySet
from apps.core.db.statements import select
from apps.social.follows import is_followed
from apps.social.models import Mute

SPARE = 16
# Somebody who follows n of all who post finds `authors` of them among some authors × posters ÷ n notes. Reading one
# takes about a fourth of the time of looking one up by its author; should they hide, three times as many are read.
WALK_WORTH = 0.25
WALK_REACH = 3

_SOURCES = """
    SELECT followed_id AS author_id FROM social_follow
    WHERE follower_id = %(viewer)s
        AND NOT EXISTS (SELECT 1 FROM social_mute WHERE muter_id = %(viewer)s AND muted_id = followed_id)
    UNION ALL
    SELECT %(viewer)s::uuid
"""
# Few have gone, and an index has just these; looking up the accounts of all would be a fourth of a first page's cost.
# `OFFSET 0`: one by one, however many sources the planner believes there to be.
_STANDS = "NOT EXISTS (SELECT FROM accounts_user WHERE id = source.author_id AND state <> 'active' OFFSET 0)"
_PAGE = f"""
SELECT post.id
FROM ({_SOURCES}) AS source
CROSS JOIN LATERAL (
    SELECT id FROM content_post
    WHERE author_id = source.author_id AND {SHOWN}
        AND (%(before)s::uuid IS NULL OR id < %(before)s)
    ORDER BY id DESC
    LIMIT %(limit)s
) AS post
WHERE {_STANDS}
ORDER BY post.id DESC
LIMIT %(limit)s
"""  # noqa: S608
# How many notes to walk through, newest first, until enough of those followed are found among them: none where it is
# sooner done to look up the note of each.
_REACH = """
SELECT CASE WHEN following_count::float8 * following_count > %(worth)s::float8 * %(authors)s::int * notes.number
    THEN %(reach)s::float8 * %(authors)s::int * notes.number / following_count ELSE 0 END::bigint
FROM accounts_user CROSS JOIN (
    SELECT greatest(reltuples, 0)::float8 FROM pg_class WHERE oid = 'feed_newestpost'::regclass
) AS notes (number)
WHERE id = %(viewer)s
"""
# `IS TRUE`: no join, which might read all notes or, where the planner expects few people to be followed, compare each
# with each; the people are hashed when the first note is read, and reading ends when enough are found. `OFFSET 0`:
# as above.
_FIRST_PAGE = f"""
WITH reach (notes) AS MATERIALIZED ({_REACH}), walked AS MATERIALIZED (
    SELECT note.author_id, note.post
    FROM (
        SELECT author_id, post FROM feed_newestpost ORDER BY post DESC LIMIT coalesce((SELECT notes FROM reach), 0)
    ) AS note
    WHERE (note.author_id IN (SELECT author_id FROM ({_SOURCES}) AS source)) IS TRUE
    ORDER BY note.post DESC
    LIMIT %(authors)s::int
), chosen AS MATERIALIZED (
    SELECT author_id, post FROM walked WHERE (SELECT count(*) FROM walked) = %(authors)s::int
    UNION ALL (
        SELECT source.author_id, newest.post
        FROM ({_SOURCES}) AS source
        CROSS JOIN LATERAL (SELECT post FROM feed_newestpost WHERE author_id = source.author_id OFFSET 0) AS newest
        WHERE (SELECT count(*) FROM walked) < %(authors)s::int
        ORDER BY newest.post DESC
        LIMIT %(authors)s::int
    )
), bound AS MATERIALIZED (
    SELECT post FROM chosen ORDER BY post DESC OFFSET %(authors)s::int - 1
), page AS (
    SELECT post.id
    FROM chosen AS source
    CROSS JOIN LATERAL (
        SELECT id FROM content_post
        WHERE author_id = source.author_id AND {SHOWN}
            AND id >= coalesce((SELECT post FROM bound), '00000000-0000-0000-0000-000000000000')
        ORDER BY id DESC
        LIMIT %(limit)s::int
    ) AS post
    WHERE {_STANDS}
    ORDER BY post.id DESC
    LIMIT %(limit)s::int
)
SELECT array(SELECT id FROM page ORDER BY id DESC), EXISTS (SELECT 1 FROM bound)
"""  # noqa: S608


def newest_ids(viewer_id: UUID, *, limit: int, before: UUID | None = None) -> list[UUID]:
    """Ids of posts by those the viewer follows and does not mute, and by the viewer, newest first."""
    if before is None:
        walk = {"worth": WALK_WORTH, "reach": WALK_REACH}
        [(ids, is_bounded)] = select(_FIRST_PAGE, viewer=viewer_id, limit=limit, authors=limit + SPARE, **walk)
        if len(ids) == limit or not is_bounded:
            return list(ids)
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, {"viewer": viewer_id, "before": before, "limit": limit})
        return [row[0] for row in cursor.fetchall()]


def belonging_to(viewer_id: UUID, posts: PostQuerySet) -> PostQuerySet:
    """Those of `posts` that are in the viewer's feed now: the same rule, asked of ids that were remembered."""
    muted = Exists(Mute.objects.filter(muter=viewer_id, muted=OuterRef("author_id")))
    theirs = Q(author=viewer_id) | Q(is_followed("author_id", viewer_id))
    belonging: PostQuerySet = posts.standing().filter(theirs).exclude(muted)
    return belonging
