"""What becomes of live timelines when others do something: what the tasks call.

Without Redis there is nothing to be told, but that something was missed; see `mode.py`.
"""

from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.core import cache
from apps.feed import live, mode, policy, snapshots
from apps.social.models import Follow, Mute


def push(post_id: UUID, *, author_id: UUID, doubt: str) -> None:
    """A post has come (back): it goes into the timelines of those who read it, and its author's is built again."""
    try:
        live.settle(author_id, doubt)
        live.push(post_id, _readers_of(author_id), only_hot=mode.current() == policy.BUSY)
    except cache.RedisUnavailable:
        mode.note_missed()


def settle(viewer_id: UUID, *, doubt: str) -> None:
    """The viewer follows or mutes others than before."""
    snapshots.make_void(viewer_id)
    try:
        live.settle(viewer_id, doubt)
    except cache.RedisUnavailable:
        mode.note_missed()


def drop_timelines_of_readers(author_id: UUID) -> None:
    """All posts of the author are back: too many to be pushed one by one. The author is a reader of theirs, too."""
    try:
        live.drop([author_id, *_readers_of(author_id)])
    except cache.RedisUnavailable:
        mode.note_missed()


def _readers_of(author_id: UUID) -> list[UUID]:
    """Followers, FOLLOWER_LIMIT at most, who do not mute the author."""
    muted = Mute.objects.filter(muter=OuterRef("follower"), muted=author_id)
    return list(Follow.objects.filter(~Exists(muted), followed=author_id).values_list("follower", flat=True))
