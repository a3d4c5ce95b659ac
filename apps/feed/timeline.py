"""The home timeline: fan-out on read, in one statement.

For each person followed, and oneself, an index seek takes the newest posts after the cursor; the newest of all these
are the page. Its cost depends on how many one follows, not on how many posts there are.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction
from prometheus_client import Counter

from apps.feed.models import FeedVisit

NEW_CAP = 100
PAGES = Counter("photogram_feed_pages_total", "Pages of feeds answered, by where they came from.", ["source"])

_PAGE = """
SELECT post.id
FROM (
    SELECT followed_id AS author_id FROM social_follow
    WHERE follower_id = %(viewer)s
        AND NOT EXISTS (SELECT 1 FROM social_mute WHERE muter_id = %(viewer)s AND muted_id = followed_id)
    UNION ALL
    SELECT %(viewer)s::uuid
) AS source
JOIN accounts_user AS author ON author.id = source.author_id AND author.state = 'active'
CROSS JOIN LATERAL (
    SELECT id FROM content_post
    WHERE author_id = source.author_id AND status = 'published' AND taken_down_at IS NULL
        AND (%(before)s::uuid IS NULL OR id < %(before)s) AND (%(since)s::uuid IS NULL OR id > %(since)s)
    ORDER BY id DESC
    LIMIT %(limit)s
) AS post
ORDER BY post.id DESC
LIMIT %(limit)s
"""


def newest_ids(
    viewer_id: UUID, *, limit: int, before: UUID | str | None = None, since: UUID | None = None
) -> list[UUID]:
    """Ids of posts by those the viewer follows and does not mute, and by the viewer, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, {"viewer": viewer_id, "before": before, "since": since, "limit": limit})
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def note_refresh(viewer_id: UUID, ids: Sequence[UUID]) -> int:
    """How many posts are newer than at the last refresh (100 at most); `ids` is the fresh first page."""
    visit = FeedVisit.objects.select_for_update().filter(user=viewer_id).first()
    since = visit.newest_seen if visit else None
    new = len(newest_ids(viewer_id, limit=NEW_CAP, since=since))
    if ids:
        FeedVisit.objects.update_or_create(user_id=viewer_id, defaults={"newest_seen": ids[0]})
    return new
