"""Live timelines: the newest ids of the feeds of people who read, in Redis.

A timeline comes to be when somebody reads, gets new posts pushed into it by a task, and goes when nobody has read it
for KEPT_SECONDS. It is a memory and no authority: what it names is asked again, when it is shown, of the rules for who
may see a post and what belongs to a feed. What it must not do is lack a post. So:

- *Doubt*: who follows, mutes or posts puts their own timeline in doubt, in the transaction that does it and for longer
  than any transaction may last. One in doubt is neither read nor kept, and the database is asked: what one does is in
  one's feed on the next request. The task that follows settles the doubt.
- *Lock*: who finds no timeline builds one under a lock; the others, meanwhile, read the database and keep nothing. A
  push or a doubt takes the lock away, and with it the right to keep what may be out of date by then.
- *Stamp*: a timeline counts only under the server run in which it was written (an old copy of the data comes back under
  a new one) and in the present epoch. Whoever could not tell Redis of something begins a new epoch before
  believing it again, since timelines may lack what was not told: a process with its next look, the tasks by a row of
  the database (`mode.note_missed`).

Decision 67.
"""

import secrets
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from apps.core import cache
from apps.feed.packed import LENGTH

KEPT_SECONDS = 3 * 24 * 3600
# Longer than a transaction may last: the statement's and the idle time limit together.
DOUBT_SECONDS = 90
LOCK_MILLISECONDS = 10_000
# Timelines in one call.
AT_ONCE = 500

_STAMP = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local stamp = run .. ':' .. (redis.call('GET', KEYS[1]) or '')
"""
# KEYS: epoch, timeline, lock, doubts, visits, signs, mode. ARGV: a new epoch or '', token of who would build or '', the
# reader, how long a timeline and a lock are kept, from how many visits on one is hot, pages and seconds to be noted.
_LOOK = (
    "if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1]) end"
    + _STAMP
    + """
redis.call('HINCRBY', KEYS[6], 'pages', ARGV[7])
redis.call('HINCRBYFLOAT', KEYS[6], 'seconds', ARGV[8])
local hot = tonumber(redis.call('ZINCRBY', KEYS[5], 1, ARGV[3])) >= tonumber(ARGV[6])
local mode = redis.call('GET', KEYS[7]) or ''
if redis.call('EXISTS', KEYS[4]) == 1 then return {'doubted', '', mode, stamp} end
local value = redis.call('GET', KEYS[2])
if value then
    local cut = string.find(value, '|', 1, true)
    if string.sub(value, 1, cut - 1) == stamp then
        redis.call('EXPIRE', KEYS[2], ARGV[4])
        if hot then redis.call('HINCRBY', KEYS[6], 'hits', 1) end
        return {'found', string.sub(value, cut + 1), mode, stamp}
    end
end
if hot then redis.call('HINCRBY', KEYS[6], 'misses', 1) end
if ARGV[2] ~= '' and redis.call('SET', KEYS[3], ARGV[2], 'NX', 'PX', ARGV[5]) then
    return {'build', '', mode, stamp}
end
return {'missing', '', mode, stamp}
"""
)
# KEYS: epoch, lock, doubts. ARGV: token, how long the lock is kept.
_CLAIM = (
    _STAMP
    + """
if redis.call('EXISTS', KEYS[3]) == 1 then return '' end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return stamp
"""
)
# KEYS: timeline, lock. ARGV: token, timeline with its stamp, how long it is kept.
_KEEP = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""
# KEYS: timeline, lock, doubts. ARGV: the doubt, how long it is kept.
_DOUBT = """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('EXPIRE', KEYS[3], ARGV[2])
"""
_SETTLE = """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SREM', KEYS[3], ARGV[1])
"""
# KEYS: visits, and for each reader timeline and lock. ARGV: the id, bytes of a whole timeline, from how many visits on
# one is hot, and the readers. Bytes are compared one by one: comparing strings depends on the server's locale.
_PUSH = """
local id, whole, least = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
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
            redis.call('SET', timeline, string.sub(value, 1, head + whole), 'KEEPTTL')
        end
        pushed = pushed + 1
    end
end
return pushed
"""


class Glance(NamedTuple):
    """What Redis says of a timeline: its ids (`packed.py`), if there are any to be believed; the right to build it, if
    `token`; whether it is in doubt; and the mode that the feed works in."""

    ids: bytes | None = None
    token: str = ""
    stamp: str = ""
    in_doubt: bool = False
    mode: str = ""


class _Process:
    """What this process has to tell Redis the next time: that it missed something, and what its pages have cost.

    `missed` is the epoch to be begun, a new one with each miss: whoever has begun it knows whether there has been
    another miss meanwhile, and those who look at the same time begin the same one.
    """

    missed = ""
    lock = threading.Lock()
    pages = 0
    seconds = 0.0


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────
class Look:
    """A look at somebody's timeline: what is asked of Redis, by itself or along with something else, and what the
    answer says."""

    def __init__(self, viewer_id: UUID, *, may_build: bool) -> None:
        self._token = secrets.token_hex(8) if may_build else ""
        with _Process.lock:
            self._epoch, pages, seconds = _Process.missed, _Process.pages, _Process.seconds
            _Process.pages, _Process.seconds = 0, 0.0
        lasts = [KEPT_SECONDS, LOCK_MILLISECONDS, settings.FEED_HOT_VISITS]
        self.question = cache.Question(
            _LOOK,
            _keys_of_a_look(viewer_id),
            [self._epoch, self._token, str(viewer_id), *lasts, pages, seconds],
        )

    def glance(self, answer: Any) -> Glance:
        """`answer`: None if Redis gave none. Then it may be away for the workers, too, and miss a push: what is in it
        is not believed again before they have had their say."""
        if answer is None:
            _note_missed()
            return Glance()
        state, ids, mode, stamp = answer
        with _Process.lock:
            if _Process.missed == self._epoch:
                _Process.missed = ""
        return Glance(
            ids=ids if state == b"found" else None,
            token=self._token if state == b"build" else "",
            stamp=stamp.decode(),
            in_doubt=state == b"doubted",
            mode=mode.decode(),
        )


def look(viewer_id: UUID, *, may_build: bool) -> Glance:
    """One round trip; without Redis there is nothing to be seen."""
    looking = Look(viewer_id, may_build=may_build)
    try:
        [answer] = cache.ask(looking.question)
    except cache.RedisUnavailable:
        answer = None
    return looking.glance(answer)


def claim(viewer_id: UUID) -> Glance:
    """The right to build the timeline, whoever else has it: for a job, whose look is no visit. Without Redis, or while
    the timeline is in doubt, there is none to be had."""
    token = secrets.token_hex(8)
    _, lock, doubts = _keys(viewer_id)
    keys = (_epoch(), lock, doubts)
    try:
        stamp = cache.call(lambda client: client.eval(_CLAIM, len(keys), *keys, token, LOCK_MILLISECONDS))
    except cache.RedisUnavailable:
        return Glance()
    return Glance(token=token, stamp=stamp.decode()) if stamp else Glance(in_doubt=True)


def keep(viewer_id: UUID, glance: Glance, ids: bytes) -> bool:
    """Keep what was built by right of `glance`. False if it gives none, or the right is gone: somebody knew better."""
    if not glance.token:
        return False
    timeline, lock, _ = _keys(viewer_id)
    value = glance.stamp.encode() + b"|" + ids
    try:
        return bool(cache.call(lambda client: client.eval(_KEEP, 2, timeline, lock, glance.token, value, KEPT_SECONDS)))
    except cache.RedisUnavailable:
        return False


def note_cost(seconds: float) -> None:
    """Of a page. It is told with the next look, which costs no round trip."""
    with _Process.lock:
        _Process.pages += 1
        _Process.seconds += seconds


# ── Doubt ────────────────────────────────────────────────────────────────────────────────────────────────
def doubt(viewer_id: UUID) -> str:
    """Call it in the transaction that changes what the viewer's feed holds, and have a task `settle` what it returns.
    Without Redis nobody reads a timeline."""
    name = secrets.token_hex(8)
    keys = _keys(viewer_id)
    try:
        cache.call(lambda client: client.eval(_DOUBT, 3, *keys, name, DOUBT_SECONDS))
    except cache.RedisUnavailable:
        _note_missed()
    return name


def _note_missed() -> None:
    with _Process.lock:
        _Process.missed = secrets.token_hex(8)


def settle(viewer_id: UUID, name: str) -> None:
    """The transaction is over: the timeline may be built again. `name`: of the doubt. Raises RedisUnavailable."""
    keys = _keys(viewer_id)
    cache.call(lambda client: client.eval(_SETTLE, 3, *keys, name))


def drop(viewer_ids: Iterable[UUID]) -> None:
    """Forget these timelines, and whatever is being built. Raises RedisUnavailable."""
    for readers in _in_parts(list(viewer_ids)):
        _delete([key for reader in readers for key in _keys(reader)[:2]])


def _delete(keys: list[str]) -> None:
    cache.call(lambda client: client.delete(*keys))


def begin_epoch() -> None:
    """Forget all timelines. Raises RedisUnavailable."""
    cache.call(lambda client: client.set(_epoch(), secrets.token_hex(8)))


# ── Pushing ──────────────────────────────────────────────────────────────────────────────────────────────
def push(post_id: UUID, viewer_ids: list[UUID], *, only_hot: bool) -> int:
    """Put the post in its place in those of the viewers' timelines that exist; into how many. With `only_hot`, the
    timelines of others are dropped instead: they are built again if anybody comes. Raises RedisUnavailable."""
    least = settings.FEED_HOT_VISITS if only_hot else 0
    pushed = 0
    for readers in _in_parts(viewer_ids):
        keys = [cache.key("feed", "visits"), *(key for reader in readers for key in _keys(reader)[:2])]
        pushed += _push(keys, [post_id.bytes, LENGTH * 16, least, *map(str, readers)])
    return pushed


def _push(keys: list[str], arguments: list[bytes | int | float | str]) -> int:
    return int(cache.call(lambda client: client.eval(_PUSH, len(keys), *keys, *arguments)))


def _in_parts(viewer_ids: list[UUID]) -> Iterator[list[UUID]]:
    """So many that Redis is not kept from others for long."""
    for start in range(0, len(viewer_ids), AT_ONCE):
        yield viewer_ids[start : start + AT_ONCE]


# ── Who reads ────────────────────────────────────────────────────────────────────────────────────────────
def readers(*, least: float = 0) -> dict[UUID, float]:
    """{reader: visits}, by age, of those with `least` visits or more, hottest first. Raises RedisUnavailable."""
    # Less than infinite: without _REMINDED.
    rows = cache.call(
        lambda client: client.zrevrangebyscore(cache.key("feed", "visits"), "(+inf", least, withscores=True)
    )
    return {UUID(member.decode()): score for member, score in rows}


def halve_visits() -> None:
    """Visits count half from now on, and those of long ago not at all. Raises RedisUnavailable."""
    key = cache.key("feed", "visits")
    cache.call(lambda client: client.zunionstore(key, {key: 0.5}))
    cache.call(lambda client: client.zremrangebyscore(key, "-inf", 0.5))


# Stands among those who read, with endless visits, which halve to endless ones: where it is missing Redis has forgotten
# them. That somebody is known says nothing: readers come back before anybody has looked.
_REMINDED = "reminded"


def has_forgotten_visits() -> bool:
    """Whether Redis has to be reminded of them. Raises RedisUnavailable."""
    return cache.call(lambda client: client.zscore(cache.key("feed", "visits"), _REMINDED)) is None


def remind_of_visits(visits: dict[UUID, float]) -> None:
    """Who has more by now keeps them. Raises RedisUnavailable."""
    members = {str(reader): number for reader, number in visits.items()} | {_REMINDED: inf}
    cache.call(lambda client: client.zadd(cache.key("feed", "visits"), members, gt=True))


def forget(viewer_id: UUID) -> None:
    """All of a person. What is left behind without Redis expires, or halves away."""
    keys = _keys(viewer_id)
    try:
        cache.call(lambda client: client.delete(*keys))
        cache.call(lambda client: client.zrem(cache.key("feed", "visits"), str(viewer_id)))
    except cache.RedisUnavailable:
        return


# ── Signs, and the mode that was decided from them ────────────────────────────────────────────────────────
def take_signs() -> dict[str, float]:
    """What was counted since the last time: pages, seconds, hits and misses of hot readers. Raises RedisUnavailable."""

    def take(client: Any) -> dict[bytes, bytes]:
        with client.pipeline(transaction=True) as both:
            both.hgetall(cache.key("feed", "signs"))
            both.delete(cache.key("feed", "signs"))
            found: dict[bytes, bytes] = both.execute()[0]
            return found

    return {name.decode(): float(number) for name, number in cache.call(take).items()}


def tell_mode(mode: str, *, seconds: int) -> None:
    """For so long; then, with nobody to decide, the feed works normally. Raises RedisUnavailable."""
    cache.call(lambda client: client.set(cache.key("feed", "mode"), mode, ex=seconds))


@lru_cache(maxsize=4096)
def _keys_of_a_look(viewer_id: UUID) -> tuple[str, ...]:
    shared = (cache.key("feed", name) for name in ("visits", "signs", "mode"))
    return (_epoch(), *_keys(viewer_id), *shared)


def _epoch() -> str:
    return cache.key("feed", "epoch")


@lru_cache(maxsize=4096)
def _keys(viewer_id: UUID) -> tuple[str, str, str]:
    """Timeline, lock, doubts. Timelines of another length are others."""
    viewer = str(viewer_id)
    return (
        cache.key("feed", LENGTH, viewer),
        cache.key("feed", "lock", viewer),
        cache.key("feed", "doubts", viewer),
    )
