"""Updates of live timelines after an event: what the tasks call.

Without Redis the only thing to do is to note that something was missed; see `mode.py`.
"""

from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.core import cache
from apps.feed import live, mode, policy, snapshots
from apps.social.models import Follow, Mute


def push(post_id: UUID, *, author_id: UUID, mark: str) -> None:
    """A post was published or restored: insert it into the timelines of its readers. The author's is built again."""
    try:
        live.mark_clean(author_id, mark)
        live.push(post_id, _readers_of(author_id), only_active=mode.current() == policy.BUSY)
    except cache.RedisUnavailable:
        mode.note_missed()


def mark_clean(viewer_id: UUID, *, mark: str) -> None:
    """The viewer has changed whom they follow or mute."""
    snapshots.discard(viewer_id)
    try:
        live.mark_clean(viewer_id, mark)
    except cache.RedisUnavailable:
        mode.note_missed()


def drop_timelines_of_readers(author_id: UUID) -> None:
    """All posts of the author are visible again: too many to push them one by one. The author is a reader, too."""
    try:
        live.drop([author_id, *_readers_of(author_id)])
    except cache.RedisUnavailable:
        mode.note_missed()


def _readers_of(author_id: UUID) -> list[UUID]:
    """The followers who do not mute the author, FOLLOWER_LIMIT at most."""
    muted = Mute.objects.filter(muter=OuterRef("follower"), muted=author_id)
    return list(Follow.objects.filter(~Exists(muted), followed=author_id).values_list("follower", flat=True))
