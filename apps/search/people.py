"""People by handle and display name: the very handle, then those that begin so, then those that look alike, and among
equals those with more followers.

Likeness is that of trigrams (PostgreSQL's pg_trgm) over the unaccented lower-case handle and display name. Each of the
three ways finds a bounded number of candidates by an index of its own, so that a search costs the same however many
people there are.
"""

from typing import Any
from uuid import UUID

from django.db import connection

# Of those that begin so, and of those that look alike, nearest first.
BEGINNING_SO, ALIKE = 500, 200
# Of 1: a transposition in a word of five letters leaves a third of its trigrams.
LEAST_LIKENESS = 0.3
Position = tuple[int, float, int, UUID]

_FOUND = """
WITH candidates AS (
    (SELECT id FROM accounts_user WHERE handle = %(handle)s)
    UNION
    (SELECT id FROM accounts_user WHERE handle LIKE %(handle_prefix)s LIMIT %(beginning_so)s)
    UNION
    (SELECT id FROM accounts_user WHERE photogram_plain(display_name) LIKE %(name_prefix)s LIMIT %(beginning_so)s)
    UNION
    (SELECT id FROM accounts_user
        ORDER BY photogram_plain(handle || ' ' || display_name) <->> %(plain)s LIMIT %(alike)s)
), seen AS (
    SELECT person.id, person.follower_count AS followers, handle = %(handle)s AS exactly,
        handle LIKE %(handle_prefix)s OR photogram_plain(display_name) LIKE %(name_prefix)s AS begins_so,
        round(word_similarity(%(plain)s, photogram_plain(handle || ' ' || display_name))::numeric, 3) AS likeness
    FROM candidates JOIN accounts_user AS person USING (id)
    WHERE (%(any_state)s OR person.state = 'active')
        AND (%(viewer)s::uuid IS NULL OR NOT EXISTS (
            SELECT 1 FROM social_block WHERE blocker_id = %(viewer)s AND blocked_id = person.id))
        AND (%(viewer)s::uuid IS NULL OR NOT EXISTS (
            SELECT 1 FROM social_block WHERE blocker_id = person.id AND blocked_id = %(viewer)s))
), ranked AS (
    SELECT CASE WHEN exactly THEN 2 WHEN begins_so THEN 1 ELSE 0 END AS way,
        CASE WHEN begins_so THEN 0 ELSE likeness END::float8 AS likeness, followers, id
    FROM seen WHERE begins_so OR likeness >= %(least_likeness)s
)
SELECT way, likeness, followers, id FROM ranked
WHERE %(way)s::int IS NULL OR (way, likeness, followers, id) < (%(way)s, %(likeness)s, %(followers)s, %(id)s::uuid)
ORDER BY way DESC, likeness DESC, followers DESC, id DESC
LIMIT %(limit)s
"""


def found(
    query: str, *, viewer_id: UUID | None, after: Position | None, limit: int, any_state: bool = False
) -> list[Position]:
    """(way, likeness, followers, id) of people in good standing (or, for moderators, in any) without a block either
    way, best first."""
    with connection.cursor() as cursor:
        cursor.execute(*statement(query, viewer_id=viewer_id, after=after, limit=limit, any_state=any_state))
        return list(cursor.fetchall())


def statement(
    query: str, *, viewer_id: UUID | None, after: Position | None, limit: int, any_state: bool = False
) -> tuple[str, dict[str, Any]]:
    """The search in SQL, with its parameters."""
    handle, plain = query.removeprefix("@").lower(), _plain(query.removeprefix("@"))
    way, likeness, followers, pk = after or (None, None, None, None)
    params: dict[str, Any] = {
        "handle": handle,
        "plain": plain,
        "handle_prefix": f"{_escaped(handle)}%",
        "name_prefix": f"{_escaped(plain)}%",
        "beginning_so": BEGINNING_SO,
        "alike": ALIKE,
        "least_likeness": LEAST_LIKENESS,
        "viewer": viewer_id,
        "any_state": any_state,
        "way": way,
        "likeness": likeness,
        "followers": followers,
        "id": pk,
        "limit": limit,
    }
    return _FOUND, params


def _plain(text: str) -> str:
    """As the database compares it. A statement of its own, since only a constant pattern finds its index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT photogram_plain(%s)", [text])
        return str(cursor.fetchone()[0])


def _escaped(text: str) -> str:
    """As a literal in LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
