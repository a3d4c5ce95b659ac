"""Recent popular posts for everybody, ordered by a score that a job calculates.

score = log10(max(likes + 2 x comments, 1)) + seconds since 1970 / 45,000: ten times the likes weigh as much as
twelve and a half hours. The formula is Reddit's "hot" (github.com/reddit-archive/reddit, r2/lib/db/_sorts.pyx). It does
not decay: a score changes only with likes and comments, so that the order is stable while a client pages through it.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from apps.content.models import Post, PostTag, Tag
from apps.content.querysets import PUBLISHED, PostQuerySet, has_hidden_tag
from apps.core.db.batches import BatchRunner, delete_in_batches
from apps.core.db.compiled import CompiledQuery
from apps.core.db.ids import first_id_at
from apps.core.db.queries import fetch_rows, load
from apps.feed.models import ExploreScore
from apps.social.models import Mute

RECENT = timedelta(days=14)

# Also by accounts that are private or inactive or out of reach at present: `popular_posts` leaves these out.
SHOWABLE = CompiledQuery(
    lambda: Post.objects.filter(PUBLISHED, ~has_hidden_tag(), visibility="public", sensitive=False)
)


def keep_scores(runner: BatchRunner | None = None) -> int:
    """Score every recent post that explore may show, in batches, and delete the scores of old posts. Returns how many
    scores have changed or were deleted."""
    runner = runner or BatchRunner()
    since = timezone.now() - RECENT
    # The time of an id is a little before the post was published.
    oldest = first_id_at(since - timedelta(days=1))
    last = max(UUID(runner.checkpoint["after"]), oldest) if runner.checkpoint else oldest
    changed = 0
    while runner.has_time():
        newest, rows, scored = _score_batch(last, since, runner.batch_size)
        if newest is None:
            break
        last = newest
        changed += scored
        runner.advance(rows, {"after": str(last)})
    changed += delete_in_batches(ExploreScore.objects.filter(post__published_at__lt=since), runner)
    return changed + drop_hidden_tags(runner)


def drop_hidden_tags(runner: BatchRunner | None = None) -> int:
    """Delete the scores of posts with a tag that moderators have hidden. Returns how many there were."""
    recent = first_id_at(timezone.now() - RECENT - timedelta(days=1))
    hidden = PostTag.objects.filter(tag__in=Tag.objects.filter(hidden=True).values("pk"), post__gte=recent)
    return delete_in_batches(ExploreScore.objects.filter(post__in=hidden.values("post")), runner)


def _score_batch(after: UUID, since: datetime, size: int) -> tuple[UUID | None, int, int]:
    """(last post, number of posts, number of changed scores)."""
    sql = load("feed/score_posts", posts=SHOWABLE.sql())
    [(newest, rows, scored)] = fetch_rows(sql, {"after": after, "since": since, "batch": size})
    return newest, rows, scored


def popular_posts(viewer_id: UUID | None) -> PostQuerySet:
    """Public posts in reach that are not sensitive, best first, without accounts that the viewer has muted or that a
    block hides."""
    posts = Post.objects.public().in_reach().without_hidden(viewer_id).filter(sensitive=False, explore__isnull=False)
    if viewer_id:
        posts = posts.exclude(Exists(Mute.objects.filter(muter=viewer_id, muted=OuterRef("author_id"))))
    ranked: PostQuerySet = posts.annotate(score=F("explore__score")).order_by("-explore__score", "-explore__post")
    return ranked


def page(viewer_id: UUID | None, *, after: tuple[float, UUID | str] | None, limit: int) -> list[tuple[float, UUID]]:
    """(score, post id) of `limit` popular posts behind the position `after`."""
    posts = popular_posts(viewer_id)
    if after:
        score, post_id = after
        posts = posts.filter(Q(explore__score__lt=score) | Q(explore__score=score, explore__post__lt=post_id))
    return list(posts.values_list("score", "pk")[:limit])
