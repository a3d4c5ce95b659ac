"""Live timelines: the newest ids of the feeds of active readers, in Redis.

A timeline is built when its owner reads the feed, receives new posts from a task, and expires when it has not been read
for KEPT_SECONDS. It is a cache: when its ids are shown, the database is asked which of them the viewer may see and
which belong to the feed. But it must not lack a post. Therefore:

- *Invalidation*: a write that changes the feed of its author (a post, a follow, a mute) invalidates this timeline in
  its transaction and for longer than a transaction may last. An invalidated timeline is neither read nor written; the
  feed is read from the database, so that the write shows in the next request. The task that follows the write marks
  the timeline as clean.
- *Lock*: a reader without a timeline builds it under a lock. Meanwhile other requests of the same reader use the
  database and write nothing. A push or an invalidation removes the lock, so that the builder cannot write a timeline
  that is out of date.
- *Stamp*: a timeline is valid only for the server run in which it was written (an old copy of the data is restored with
  a new run) and for the current epoch. A process that could not tell Redis something begins a new epoch with its next
  look-up, because timelines may lack something. Tasks note it in the database (`mode.note_missed`).

Decision 25.
"""

import secrets
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.core import cache
from apps.feed.packed import ID_BYTES, LENGTH

KEPT_SECONDS = 3 * 24 * 3600
# Longer than a transaction may last: the timeouts of statements and of idle transactions together.
INVALID_SECONDS = 90
LOCK_MILLISECONDS = 10_000
# Timelines in one call.
BATCH_SIZE = 500

_STAMP = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local stamp = run .. ':' .. (redis.call('GET', KEYS[1]) or '')
"""
# KEYS: epoch, timeline, lock, dirty marks, visits, statistics, mode. ARGV: a new epoch or '', a token to build with or
# '', the reader, seconds to keep a timeline and milliseconds to keep a lock, visits of an active reader, pages and
# seconds to add to the statistics.
_LOOK_UP = (
    "if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1]) end"
    + _STAMP
    + """
redis.call('HINCRBY', KEYS[6], 'pages', ARGV[7])
redis.call('HINCRBYFLOAT', KEYS[6], 'seconds', ARGV[8])
local active = tonumber(redis.call('ZINCRBY', KEYS[5], 1, ARGV[3])) >= tonumber(ARGV[6])
local mode = redis.call('GET', KEYS[7]) or ''
if redis.call('EXISTS', KEYS[4]) == 1 then return {'dirty', '', mode, stamp} end
local value = redis.call('GET', KEYS[2])
if value then
    local cut = string.find(value, '|', 1, true)
    if string.sub(value, 1, cut - 1) == stamp then
        redis.call('EXPIRE', KEYS[2], ARGV[4])
        if active then redis.call('HINCRBY', KEYS[6], 'hits', 1) end
        return {'found', string.sub(value, cut + 1), mode, stamp}
    end
end
if active then redis.call('HINCRBY', KEYS[6], 'misses', 1) end
if ARGV[2] ~= '' and redis.call('SET', KEYS[3], ARGV[2], 'NX', 'PX', ARGV[5]) then
    return {'build', '', mode, stamp}
end
return {'missing', '', mode, stamp}
"""
)
# KEYS: epoch, lock, dirty marks. ARGV: token, milliseconds to keep the lock.
_CLAIM = (
    _STAMP
    + """
if redis.call('EXISTS', KEYS[3]) == 1 then return '' end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return stamp
"""
)
# KEYS: timeline, lock. ARGV: token, the timeline with its stamp, seconds to keep it.
_KEEP = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""
# KEYS: timeline, lock, dirty marks. ARGV: the mark, seconds to keep the marks.
_INVALIDATE = """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('EXPIRE', KEYS[3], ARGV[2])
"""
# KEYS: as above. ARGV: the mark.
_MARK_CLEAN = """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SREM', KEYS[3], ARGV[1])
"""
# KEYS: visits, and for each reader timeline and lock. ARGV: the post, bytes of a full timeline, visits of an active
# reader or 0, and the readers. Bytes are compared one by one, because comparing strings depends on the server's locale.
_PUSH = """
local id, full, least = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function is_newer(other)
    for n = 1, 16 do
        local a, b = string.byte(other, n), string.byte(id, n)
        if a ~= b then return a > b end
    end
    return false
end
local pushed = 0
for n = 4, #ARGV do
    local timeline, lock = KEYS[2 * (n - 3)], KEYS[2 * (n - 3) + 1]
    redis.call('DEL', lock)
    local value = redis.call('GET', timeline)
    if value and least > 0 and tonumber(redis.call('ZSCORE', KEYS[1], ARGV[n]) or 0) < least then
        redis.call('DEL', timeline)
    elseif value then
        local head = string.find(value, '|', 1, true)
        local at = head
        while at < #value and is_newer(string.sub(value, at + 1, at + 16)) do at = at + 16 end
        if string.sub(value, at + 1, at + 16) ~= id then
            value = string.sub(value, 1, at) .. id .. string.sub(value, at + 1)
            redis.call('SET', timeline, string.sub(value, 1, head + full), 'KEEPTTL')
        end
        pushed = pushed + 1
    end
end
return pushed
"""


@dataclass(frozen=True)
class TimelineLookup:
    """What Redis knows about a timeline.

    `ids`: the packed ids, or None without a valid timeline. `token`: the right to build it, or empty. `stamp`: of a
    timeline that is built with the token. `is_dirty`: whether it is invalidated. `mode`: how the feed works.
    """

    ids: bytes | None = None
    token: str = ""
    stamp: str = ""
    is_dirty: bool = False
    mode: str = ""


class _Process:
    """What this process has to report with its next look-up.

    `missed` is the epoch to begin, because something could not be reported. Each miss gives it a new value. So a
    look-up that has begun the epoch notices another miss that happened meanwhile, and parallel look-ups begin the same
    epoch.
    """

    missed = ""
    lock = threading.Lock()
    pages = 0
    seconds = 0.0


# Reading
def look_up(viewer_id: UUID, *, may_build: bool) -> TimelineLookup:
    """Look up a timeline and count a visit of its owner, in one round trip. `may_build`: ask for the right to build it
    if there is none. Without Redis the result is empty."""
    token = secrets.token_hex(8) if may_build else ""
    with _Process.lock:
        epoch, pages, seconds = _Process.missed, _Process.pages, _Process.seconds
        _Process.pages, _Process.seconds = 0, 0.0
    keys = [_epoch_key(), *_keys(viewer_id), _key("visits"), _key("statistics"), _key("mode")]
    arguments: list[str | int | float] = [
        epoch,
        token,
        str(viewer_id),
        KEPT_SECONDS,
        LOCK_MILLISECONDS,
        settings.FEED_HOT_VISITS,
        pages,
        seconds,
    ]
    try:
        state, ids, mode, stamp = cache.call(lambda client: client.eval(_LOOK_UP, len(keys), *keys, *arguments))
    except cache.RedisUnavailable:
        # Redis may be unavailable for the workers as well, so that the timelines miss a push.
        _note_missed()
        return TimelineLookup()
    with _Process.lock:
        if _Process.missed == epoch:
            _Process.missed = ""
    return TimelineLookup(
        ids=ids if state == b"found" else None,
        token=token if state == b"build" else "",
        stamp=stamp.decode(),
        is_dirty=state == b"dirty",
        mode=mode.decode(),
    )


def claim(viewer_id: UUID) -> TimelineLookup:
    """Take the right to build a timeline from another process, without counting a visit: for a job. There is none
    without Redis or while the timeline is invalidated."""
    token = secrets.token_hex(8)
    _, lock, dirty = _keys(viewer_id)
    keys = (_epoch_key(), lock, dirty)
    try:
        stamp = cache.call(lambda client: client.eval(_CLAIM, len(keys), *keys, token, LOCK_MILLISECONDS))
    except cache.RedisUnavailable:
        return TimelineLookup()
    return TimelineLookup(token=token, stamp=stamp.decode()) if stamp else TimelineLookup(is_dirty=True)


def store(viewer_id: UUID, lookup: TimelineLookup, ids: bytes) -> bool:
    """Store a timeline that was built with the token of `lookup`. Returns False without a token, or if the token is
    not valid any more because the feed has changed meanwhile."""
    if not lookup.token:
        return False
    timeline, lock, _ = _keys(viewer_id)
    value = lookup.stamp.encode() + b"|" + ids
    try:
        stored = cache.call(lambda client: client.eval(_KEEP, 2, timeline, lock, lookup.token, value, KEPT_SECONDS))
    except cache.RedisUnavailable:
        return False
    return bool(stored)


def note_cost(seconds: float) -> None:
    """Record the duration of a page. It is reported with the next look-up, so that it costs no round trip."""
    with _Process.lock:
        _Process.pages += 1
        _Process.seconds += seconds


# Invalidation
def invalidate(viewer_id: UUID) -> str:
    """Call it in the transaction that changes the viewer's feed, and let a task call `mark_clean` with the mark that
    this returns. Without Redis no timeline is read."""
    mark = secrets.token_hex(8)
    keys = _keys(viewer_id)
    try:
        cache.call(lambda client: client.eval(_INVALIDATE, 3, *keys, mark, INVALID_SECONDS))
    except cache.RedisUnavailable:
        _note_missed()
    return mark


def _note_missed() -> None:
    with _Process.lock:
        _Process.missed = secrets.token_hex(8)


def mark_clean(viewer_id: UUID, mark: str) -> None:
    """The transaction is over: the timeline may be built again. `mark`: of the invalidation. Raises
    RedisUnavailable."""
    keys = _keys(viewer_id)
    cache.call(lambda client: client.eval(_MARK_CLEAN, 3, *keys, mark))


def drop(viewer_ids: Iterable[UUID]) -> None:
    """Delete these timelines, and the rights to build them. Raises RedisUnavailable."""
    for readers in _batches(list(viewer_ids)):
        _delete([key for reader in readers for key in _keys(reader)[:2]])


def _delete(keys: list[str]) -> None:
    cache.call(lambda client: client.delete(*keys))


def begin_epoch() -> None:
    """Invalidate all timelines. Raises RedisUnavailable."""
    cache.call(lambda client: client.set(_epoch_key(), secrets.token_hex(8)))


# Pushing
def push(post_id: UUID, viewer_ids: list[UUID], *, only_active: bool) -> int:
    """Insert the post into the timelines of these viewers that exist. Returns into how many. With `only_active`, the
    timelines of other readers are dropped instead; they are built again when needed. Raises RedisUnavailable."""
    least = settings.FEED_HOT_VISITS if only_active else 0
    pushed = 0
    for readers in _batches(viewer_ids):
        keys = [_key("visits"), *(key for reader in readers for key in _keys(reader)[:2])]
        pushed += _push(keys, [post_id.bytes, LENGTH * ID_BYTES, least, *map(str, readers)])
    return pushed


def _push(keys: list[str], arguments: list[bytes | int | float | str]) -> int:
    return int(cache.call(lambda client: client.eval(_PUSH, len(keys), *keys, *arguments)))


def _batches(viewer_ids: list[UUID]) -> Iterator[list[UUID]]:
    """Small enough not to block Redis for other clients."""
    for start in range(0, len(viewer_ids), BATCH_SIZE):
        yield viewer_ids[start : start + BATCH_SIZE]


# Visits
def readers(*, least: float = 0) -> dict[UUID, float]:
    """{reader: visits} of those with `least` visits or more, most active first. Old visits count less. Raises
    RedisUnavailable."""
    # Less than infinite: without _RESTORED.
    rows = cache.call(lambda client: client.zrevrangebyscore(_key("visits"), "(+inf", least, withscores=True))
    return {UUID(member.decode()): score for member, score in rows}


def decay_visits() -> None:
    """Halve all visits, and delete those of long ago. Raises RedisUnavailable."""
    key = _key("visits")
    cache.call(lambda client: client.zunionstore(key, {key: 0.5}))
    cache.call(lambda client: client.zremrangebyscore(key, "-inf", 0.5))


# A member with infinite visits, which decay to infinite ones. If it is missing, Redis has lost the visits. The other
# members do not tell that, because readers come back before the visits are restored.
_RESTORED = "restored"


def has_lost_visits() -> bool:
    """Whether the visits have to be restored. Raises RedisUnavailable."""
    return cache.call(lambda client: client.zscore(_key("visits"), _RESTORED)) is None


def restore_visits(visits: dict[UUID, float]) -> None:
    """Readers who have more visits by now keep them. Raises RedisUnavailable."""
    members = {str(reader): number for reader, number in visits.items()} | {_RESTORED: inf}
    cache.call(lambda client: client.zadd(_key("visits"), members, gt=True))


def erase(viewer_id: UUID) -> None:
    """Delete everything about a user. Without Redis it expires."""
    keys = _keys(viewer_id)
    try:
        cache.call(lambda client: client.delete(*keys))
        cache.call(lambda client: client.zrem(_key("visits"), str(viewer_id)))
    except cache.RedisUnavailable:
        return


# Statistics and mode
def pop_stats() -> dict[str, float]:
    """The pages, seconds, hits and misses of active readers since the last call. Raises RedisUnavailable."""

    def pop(client: Any) -> dict[bytes, bytes]:
        with client.pipeline(transaction=True) as pipeline:
            pipeline.hgetall(_key("statistics"))
            pipeline.delete(_key("statistics"))
            found: dict[bytes, bytes] = pipeline.execute()[0]
            return found

    return {name.decode(): float(number) for name, number in cache.call(pop).items()}


def publish_mode(mode: str, *, seconds: int) -> None:
    """Set the mode for so long. Then the feed works normally. Raises RedisUnavailable."""
    cache.call(lambda client: client.set(_key("mode"), mode, ex=seconds))


def _key(name: str) -> str:
    return cache.key("feed", name)


def _epoch_key() -> str:
    return _key("epoch")


def _keys(viewer_id: UUID) -> tuple[str, str, str]:
    """The keys of the timeline, its lock and its dirty marks. Timelines of another length have other keys."""
    return (
        cache.key("feed", LENGTH, viewer_id),
        cache.key("feed", "lock", viewer_id),
        cache.key("feed", "dirty", viewer_id),
    )
