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
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import Session, User
from apps.core import redis
from apps.core.observability import CACHE_READS

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

# KEYS: epoch, record, mark of the user, mark of the session. ARGV: a new epoch, or "".
_READ = """
if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1]) end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local found = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return {run, found[1] or '', found[2] or '', (found[3] or found[4]) and 1 or 0}
"""
# As above; ARGV: the record, its seconds.
_WRITE = """
if redis.call('EXISTS', KEYS[3], KEYS[4]) == 0 then redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2]) end
"""


@dataclass(frozen=True)
class Identity:
    """Who is calling, by which session."""

    user: User
    session_id: UUID


class _Trust:
    """Whether this process has missed anything: after an outage of Redis, a new epoch comes first."""

    missed = False


def identify(user_id: UUID, session_id: UUID) -> Identity | None:
    """The caller, if the session lives and the account stands; None otherwise."""
    keys = _keys(user_id, session_id)
    new_epoch = secrets.token_hex(8) if _Trust.missed else ""
    try:
        run, epoch, record, marked = redis.call(lambda client: client.eval(_READ, 4, *keys, new_epoch))
    except redis.Absent:
        _Trust.missed = True
        CACHE_READS.labels("sessions", "absent").inc()
        return _from_database(user_id, session_id)
    _Trust.missed = False
    stamp = f"{run.decode()}:{epoch.decode()}"
    if record and not marked:
        cached = json.loads(record)
        if cached["stamp"] == stamp and cached["user"]["id"] == str(user_id):
            CACHE_READS.labels("sessions", "hit").inc()
            return Identity(_user_from(cached["user"], cached["roles"]), session_id)
    CACHE_READS.labels("sessions", "miss").inc()
    identity = _from_database(user_id, session_id)
    if identity and not marked:
        _remember(identity, keys, stamp)
    return identity


def mark_session(user_id: UUID, session_id: UUID) -> None:
    """Call it in the transaction that ends the session."""
    _mark(redis.key("auth", "s!", session_id))


def mark_user(user_id: UUID) -> None:
    """Call it in the transaction that ends all sessions of an account, or changes what a record says of it."""
    _mark(redis.key("auth", "u!", user_id))


def _mark(key: str) -> None:
    try:
        redis.call(lambda client: client.set(key, 1, ex=MARK_SECONDS))
    except redis.Absent:
        _Trust.missed = True


def _keys(user_id: UUID, session_id: UUID) -> list[str]:
    return [
        redis.key("auth", "epoch"),
        redis.key("auth", "s", session_id),
        redis.key("auth", "u!", user_id),
        redis.key("auth", "s!", session_id),
    ]


def _remember(identity: Identity, keys: list[str], stamp: str) -> None:
    user = identity.user
    fields = {name: getattr(user, name) for name in USER_FIELDS}
    record = json.dumps({"stamp": stamp, "user": fields, "roles": sorted(user.roles)}, default=str)
    try:
        redis.call(lambda client: client.eval(_WRITE, 4, *keys, record, RECORD_SECONDS))
    except redis.Absent:
        _Trust.missed = True


def _user_from(fields: dict[str, Any], roles: list[str]) -> User:
    """A User with the cached fields; any other one is fetched when it is touched."""
    typed = {name: UUID(v) if v and name in {"id", "avatar_id"} else v for name, v in fields.items()}
    names = [field.attname for field in User._meta.concrete_fields if field.attname in typed]
    user = User.from_db("default", names, [typed[name] for name in names])
    user.roles = frozenset(roles)
    return user


def _from_database(user_id: UUID, session_id: UUID) -> Identity | None:
    session = (
        Session.objects.live()
        .filter(pk=session_id, user_id=user_id, user__state=User.State.ACTIVE)
        .select_related("user")
        .prefetch_related("user__groups")
        .first()
    )
    return Identity(session.user, session.pk) if session else None


def seen_recently(session_id: UUID) -> None:
    """Note that the session is in use, at most once in five minutes and never at the price of a wait."""
    key = redis.key("auth", "seen", session_id)
    try:
        first = redis.call(lambda client: client.set(key, 1, ex=300, nx=True))
    except redis.Absent:
        return
    if first:
        Session.objects.filter(pk=session_id).update(last_seen_at=timezone.now())
