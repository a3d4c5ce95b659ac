"""That the notes of authors' newest posts, `NewestPost`, are not too high for long.

One can never be too low, which `timeline.py` relies upon: the trigger raises it with every post. When an author's
newest post is withdrawn it is too high, which costs readers a little and is put right here.
"""

from uuid import UUID

from django.db import connection, transaction

from apps.content.querysets import SHOWN
from apps.core.db.batches import Pace
from apps.feed.models import NewestPost

# In a statement of its own, after the rows are locked: only then does it see what was committed meanwhile.
_LOWER = f"""
UPDATE feed_newestpost AS note SET post = true_one.id
FROM feed_newestpost AS own
CROSS JOIN LATERAL (
    SELECT id FROM content_post
    WHERE author_id = own.author_id AND {SHOWN}
    ORDER BY id DESC
    LIMIT 1
) AS true_one
WHERE own.author_id = ANY(%(authors)s) AND note.author_id = own.author_id AND note.post <> true_one.id
"""  # noqa: S608  (of constants)
_REMOVE = f"""
DELETE FROM feed_newestpost AS note
WHERE author_id = ANY(%(authors)s) AND NOT EXISTS (
    SELECT 1 FROM content_post
    WHERE author_id = note.author_id AND {SHOWN}
)
"""  # noqa: S608  (of constants)


def repair(pace: Pace | None = None) -> int:
    """Compare every author's note with their posts, in batches. Returns how many were too high."""
    pace = pace or Pace()
    after = UUID(pace.place["after"]) if pace.place else UUID(int=0)
    lowered = 0
    while pace.goes_on():
        with transaction.atomic():
            rows = NewestPost.objects.select_for_update().filter(pk__gt=after).order_by("pk")
            authors = list(rows.values_list("pk", flat=True)[: pace.batch])
            if not authors:
                break
            with connection.cursor() as cursor:
                for statement in (_LOWER, _REMOVE):
                    cursor.execute(statement, {"authors": authors})
                    lowered += cursor.rowcount
        after = authors[-1]
        pace.step(len(authors), {"after": str(after)})
    return lowered
