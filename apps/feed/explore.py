"""Recent popular posts for everybody, by a score that a job keeps.

score = log10(max(likes + 2 x comments, 1)) + seconds since 1970 / 45,000: ten times the response weighs as much as
twelve and a half hours. The formula is Reddit's "hot" (github.com/reddit-archive/reddit, r2/lib/db/_sorts.pyx). It does
not decay: a score changes only when people respond, so that the order stands still while somebody walks through it.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from apps.content.models import Post
from apps.content.querysets import SHOWN, PostQuerySet
from apps.core.db.batches import Pace, delete_in_batches
from apps.core.db.ids import first_id_at
from apps.feed.models import ExploreScore
from apps.social.models import Mute

RECENT = timedelta(days=14)

_SCORE = f"""
WITH batch AS (
    SELECT id, like_count, comment_count, published_at FROM content_post
    WHERE id > %(after)s AND published_at > %(since)s AND {SHOWN} AND visibility = 'public' AND NOT sensitive
    ORDER BY id LIMIT %(batch)s
), scored AS (
    INSERT INTO feed_explorescore (post_id, score)
    SELECT id, log(greatest(like_count + 2 * comment_count, 1)) + extract(epoch FROM published_at) / 45000 FROM batch
    ON CONFLICT (post_id) DO UPDATE SET score = excluded.score WHERE feed_explorescore.score <> excluded.score
    RETURNING post_id
)
SELECT (SELECT id FROM batch ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM batch), (SELECT count(*) FROM scored)
"""  # noqa: S608  (of constants)


def keep_scores(pace: Pace | None = None) -> int:
    """Score every recent post that everybody might see, in batches, and forget the old ones. Returns how many scores
    have changed or gone."""
    pace = pace or Pace()
    since = timezone.now() - RECENT
    # An id tells when it was made, a little before the post was published.
    oldest = first_id_at(since - timedelta(days=1))
    last = max(UUID(pace.place["after"]), oldest) if pace.place else oldest
    changed = 0
    while pace.goes_on():
        newest, rows, scored = _score_batch(last, since, pace.batch)
        if newest is None:
            break
        last = newest
        changed += scored
        pace.step(rows, {"after": str(last)})
    return changed + delete_in_batches(ExploreScore.objects.filter(post__published_at__lt=since), pace)


@transaction.atomic
def _score_batch(after: UUID, since: datetime, size: int) -> tuple[UUID | None, int, int]:
    """(last post, number of posts, number of those whose score is new)."""
    with connection.cursor() as cursor:
        cursor.execute(_SCORE, {"after": after, "since": since, "batch": size})
        newest, rows, scored = cursor.fetchone()
        return newest, rows, scored


def popular_posts(viewer_id: UUID | None) -> PostQuerySet:
    """What everybody may see and nobody need be warned of, best first; without people the viewer has muted or with a
    block between."""
    posts = Post.objects.open_to_everybody().without_hidden(viewer_id).filter(sensitive=False, explore__isnull=False)
    if viewer_id:
        posts = posts.exclude(Exists(Mute.objects.filter(muter=viewer_id, muted=OuterRef("author_id"))))
    ranked: PostQuerySet = posts.annotate(score=F("explore__score")).order_by("-explore__score", "-explore__post")
    return ranked


def after(posts: PostQuerySet, score: float, post_id: object) -> PostQuerySet:
    """Those behind a place in the order."""
    behind: PostQuerySet = posts.filter(
        Q(explore__score__lt=score) | Q(explore__score=score, explore__post__lt=post_id)
    )
    return behind
