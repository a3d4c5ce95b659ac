"""One small record per session in Redis, so that a request is authenticated without a SQL query; and why it is safe.

The truth is PostgreSQL; whatever is doubtful goes there.
- Ending a session or hiding an account first sets a *mark* (before its transaction commits, for longer than any
  transaction may last). A marked session or account is read from the database and not cached.
- A record counts only under the server run that it was written in (an old snapshot comes back under a new `run_id`)
  and only in the present *epoch*. A process that could not reach Redis starts a new epoch before it trusts a record
  again, since marks may have been missed meanwhile.
"""

import json
import secrets
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS
from django.db.models.base import ModelState
from django.utils import timezone

from apps.accounts import two_factor
from apps.accounts.models import Session, User
from apps.core import cache
from apps.core.ops.observability import CACHE_READS

# Seconds. A record never outlives a mark that was set after it.
RECORD_SECONDS = 60
MARK_SECONDS = 90
USER_FIELDS = [
    "id",
    "handle",
    "display_name",
    "locale",
    "is_private",
    "is_verified",
    "is_staff",
    "is_superuser",
    "state",
    "avatar_id",
]

SEEN_SECONDS = 300

# KEYS: epoch, record, mark of the user, mark of the session, when it was seen.
# ARGV: a new epoch, or ""; how long it counts as just seen.
# Of a record that may count, the same round trip notes that the session is in use.
_READ = """
if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1]) end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local found = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
local marked = found[3] or found[4]
local first = false
if found[2] and not marked then first = redis.call('SET', KEYS[5], 1, 'EX', ARGV[2], 'NX') end
return {run, found[1] or '', found[2] or '', marked and 1 or 0, first and 1 or 0}
"""
# KEYS as above; ARGV: the record, its seconds, how long it counts as just seen.
_WRITE = """
if redis.call('EXISTS', KEYS[3], KEYS[4]) == 0 then redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2]) end
return redis.call('SET', KEYS[5], 1, 'EX', ARGV[3], 'NX') and 1 or 0
"""


class Identity(NamedTuple):
    """Who is calling, by which session."""

    user: User
    session_id: UUID


class _Trust:
    """Whether this process has missed anything: after an outage of Redis, a new epoch comes first."""

    missed = False


def identify(user_id: UUID, session_id: UUID) -> Identity | None:
    """The caller, if the session is live and the account active; None otherwise."""
    keys = _keys(user_id, session_id)
    new_epoch = secrets.token_hex(8) if _Trust.missed else ""
    try:
        run, epoch, record, marked, first = cache.call(
            lambda client: client.eval(_READ, len(keys), *keys, new_epoch, SEEN_SECONDS)
        )
    except cache.RedisUnavailable:
        _Trust.missed = True
        CACHE_READS.labels("sessions", "absent").inc()
        return _from_database(user_id, session_id)
    _Trust.missed = False
    stamp = f"{run.decode()}:{epoch.decode()}"
    identity = _from_record(record, stamp, user_id, session_id) if record and not marked else None
    CACHE_READS.labels("sessions", "hit" if identity else "miss").inc()
    if identity is None:
        identity = _from_database(user_id, session_id)
        if identity and not marked:
            first = _remember(identity, keys, stamp) or first
    if identity is None:
        return None
    if first:
        _note_seen(session_id)
    return identity


def mark_session(user_id: UUID, session_id: UUID) -> None:
    """Call it in the transaction that ends the session."""
    _mark(cache.key("auth", "s!", session_id))


def mark_user(user_id: UUID) -> None:
    """Call it in the transaction that ends all sessions of an account, or changes what a record says of it."""
    _mark(cache.key("auth", "u!", user_id))


def _mark(key: str) -> None:
    try:
        cache.call(lambda client: client.set(key, 1, ex=MARK_SECONDS))
    except cache.RedisUnavailable:
        _Trust.missed = True


@lru_cache(maxsize=4096)
def _keys(user_id: UUID, session_id: UUID) -> tuple[str, ...]:
    """Who calls, calls again."""
    session = str(session_id)
    return (
        cache.key("auth", "epoch"),
        cache.key("auth", "s", session),
        cache.key("auth", "u!", user_id),
        cache.key("auth", "s!", session),
        cache.key("auth", "seen", session),
    )


def _from_record(record: bytes, stamp: str, user_id: UUID, session_id: UUID) -> Identity | None:
    """None if the record is of another run or epoch, or of somebody else."""
    cached = orjson.loads(record)
    if cached["stamp"] != stamp:
        return None
    user = _user_from(cached["user"], cached["ranks"])
    return Identity(user, session_id) if user.pk == user_id else None


def _remember(identity: Identity, keys: tuple[str, ...], stamp: str) -> bool:
    """Whether the session was not seen just before."""
    user = identity.user
    fields = {name: getattr(user, name) for name in USER_FIELDS}
    record = json.dumps({"stamp": stamp, "user": fields, "ranks": sorted(user.ranks)}, default=str)
    try:
        return bool(
            cache.call(lambda client: client.eval(_WRITE, len(keys), *keys, record, RECORD_SECONDS, SEEN_SECONDS))
        )
    except cache.RedisUnavailable:
        _Trust.missed = True
        return False


# Who calls, calls again, and Python takes long to read an id.
_id = lru_cache(maxsize=4096)(UUID)


def _user_from(fields: dict[str, Any], ranks: list[str]) -> User:
    """A User with the cached fields; any other one is fetched when it is touched. Put together as unpickling does it:
    `from_db` takes ten times as long, most of it for the fields that are not there."""
    user = User.__new__(User)
    avatar_id = fields["avatar_id"]
    user.__dict__ |= fields | {"id": _id(fields["id"]), "avatar_id": avatar_id and _id(avatar_id)}
    user._state = ModelState()
    user._state.db, user._state.adding = DEFAULT_DB_ALIAS, False
    user.ranks = frozenset(ranks)
    return user


def _from_database(user_id: UUID, session_id: UUID) -> Identity | None:
    session = (
        Session.objects.live()
        .filter(pk=session_id, user_id=user_id, user__state=User.State.ACTIVE)
        .select_related("user")
        .prefetch_related("user__groups")
        .first()
    )
    if session is None:
        return None
    if not two_factor.carries_rank(session):
        session.user.ranks = frozenset()
    return Identity(session.user, session.pk)


def _note_seen(session_id: UUID) -> None:
    """That the session is in use: once in SEEN_SECONDS, and not at all while Redis is away."""
    Session.objects.filter(pk=session_id).update(last_seen_at=timezone.now())
