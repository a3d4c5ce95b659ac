"""One small record per session in Redis, so that a request is authenticated without a SQL query; and why it is safe.

PostgreSQL decides; whenever the cache may be wrong, the database is asked.
- Ending a session or hiding an account first sets a *mark* (before its transaction commits, for longer than any
  transaction may last). A marked session or account is read from the database and not cached.
- A record is valid only under the server run in which it was written (an old snapshot is loaded under a new `run_id`)
  and only in the current *epoch*. A process that could not reach Redis starts a new epoch before it accepts a record
  again, since it may have failed to set marks meanwhile.
"""

import json
import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from apps.accounts import two_factor
from apps.accounts.models import Session, User
from apps.core import cache
from apps.core.ops.observability import CACHE_READS

# Seconds. A record never outlives a mark that was set after it.
RECORD_SECONDS = 60
MARK_SECONDS = 90
# How often `last_seen_at` is written at most.
SEEN_SECONDS = 300
# The fields of the account in a record, in the order of the model as `from_db` expects them. Any other field is loaded
# from the database when it is accessed.
_CACHED = {
    "id",
    "handle",
    "display_name",
    "email_verified_at",
    "avatar_id",
    "is_private",
    "is_verified",
    "is_staff",
    "is_superuser",
    "locale",
    "time_zone",
    "state",
}
USER_FIELDS = [field.attname for field in User._meta.concrete_fields if field.attname in _CACHED]

# KEYS: epoch, record, mark of the user, mark of the session, seen recently.
# ARGV: a new epoch, or ""; SEEN_SECONDS.
# Returns the server run, the epoch, the record, whether there is a mark, and whether to write `last_seen_at`.
_READ = """
if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1]) end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local found = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
local marked = found[3] or found[4]
local first = found[2] and not marked and redis.call('SET', KEYS[5], 1, 'EX', ARGV[2], 'NX')
return {run, found[1] or '', found[2] or '', marked and 1 or 0, first and 1 or 0}
"""
# KEYS as above. ARGV: the record; RECORD_SECONDS; SEEN_SECONDS. Returns whether to write `last_seen_at`.
_WRITE = """
if redis.call('EXISTS', KEYS[3], KEYS[4]) == 0 then redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2]) end
return redis.call('SET', KEYS[5], 1, 'EX', ARGV[3], 'NX') and 1 or 0
"""


class _Outages:
    """Failed calls of this process, and how many of them the current epoch takes into account."""

    failed = 0
    settled = 0

    @classmethod
    def note(cls) -> None:
        cls.failed += 1


def get_user(user_id: UUID, session_id: UUID) -> User | None:
    """The account, if the session is live and the account is active or suspended; otherwise None.

    A suspended account has only restricted sessions: the caller must refuse almost everything (`User.is_restricted`).

    Its `ranks` are those that the session may use. One round trip to Redis.
    """
    keys = _keys(user_id, session_id)
    failed = _Outages.failed
    new_epoch = secrets.token_hex(8) if failed > _Outages.settled else ""
    try:
        run, epoch, record, marked, first = cache.call(
            lambda client: client.eval(_READ, len(keys), *keys, new_epoch, SEEN_SECONDS)
        )
    except cache.RedisUnavailable:
        _Outages.note()
        CACHE_READS.labels("sessions", "absent").inc()
        return _from_database(user_id, session_id)
    _Outages.settled = max(_Outages.settled, failed)
    stamp = f"{run.decode()}:{epoch.decode()}"
    user = _from_record(record, stamp, user_id) if record and not marked else None
    CACHE_READS.labels("sessions", "hit" if user else "miss").inc()
    if user is None:
        user = _from_database(user_id, session_id)
        if user and not marked:
            first = _store(user, keys, stamp) or first
    if user and first:
        Session.objects.filter(pk=session_id).update(last_seen_at=timezone.now())
    return user


def mark_session(user_id: UUID, session_id: UUID) -> None:
    """Invalidate the record of a session. Call it in the transaction that ends the session."""
    _mark(cache.key("auth", "s!", session_id))


def mark_user(user_id: UUID) -> None:
    """Invalidate all records of an account. Call it in the transaction that ends its sessions or changes a field."""
    _mark(cache.key("auth", "u!", user_id))


def _mark(key: str) -> None:
    try:
        cache.call(lambda client: client.set(key, 1, ex=MARK_SECONDS))
    except cache.RedisUnavailable:
        _Outages.note()


def _keys(user_id: UUID, session_id: UUID) -> list[str]:
    return [
        cache.key("auth", "epoch"),
        cache.key("auth", "s", session_id),
        cache.key("auth", "u!", user_id),
        cache.key("auth", "s!", session_id),
        cache.key("auth", "seen", session_id),
    ]


def _from_record(record: bytes, stamp: str, user_id: UUID) -> User | None:
    """None if the record was written in another run or epoch or by another release, or belongs to another account."""
    cached = orjson.loads(record)
    fields: dict[str, Any] = cached["user"]
    if cached["stamp"] != stamp or fields["id"] != str(user_id) or len(fields) != len(USER_FIELDS):
        return None
    avatar_id, confirmed_at = fields["avatar_id"], fields["email_verified_at"]
    values = fields | {
        "id": user_id,
        "avatar_id": UUID(avatar_id) if avatar_id else None,
        "email_verified_at": datetime.fromisoformat(confirmed_at) if confirmed_at else None,
    }
    user = User.from_db(DEFAULT_DB_ALIAS, USER_FIELDS, [values[name] for name in USER_FIELDS])
    user.ranks = frozenset(cached["ranks"])
    return user


def _store(user: User, keys: list[str], stamp: str) -> bool:
    """Returns whether to write `last_seen_at`."""
    fields = {name: getattr(user, name) for name in USER_FIELDS}
    record = json.dumps({"stamp": stamp, "user": fields, "ranks": sorted(user.ranks)}, default=str)
    try:
        return bool(
            cache.call(lambda client: client.eval(_WRITE, len(keys), *keys, record, RECORD_SECONDS, SEEN_SECONDS))
        )
    except cache.RedisUnavailable:
        _Outages.note()
        return False


def _from_database(user_id: UUID, session_id: UUID) -> User | None:
    session = (
        Session.objects.live()
        .filter(pk=session_id, user_id=user_id, user__state__in=[User.State.ACTIVE, User.State.SUSPENDED])
        .select_related("user")
        .prefetch_related("user__groups")
        .first()
    )
    if session is None:
        return None
    if session.user.is_restricted or not two_factor.carries_rank(session):
        session.user.ranks = frozenset()
    return session.user
