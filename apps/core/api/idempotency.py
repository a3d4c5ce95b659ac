"""`Idempotency-Key`: the same key with the same body replays the first answer.

The answer is committed in the transaction of what the call made (so neither exists without the other), and an
advisory lock of that transaction tells a second call that the first is still running, and dies with it.
"""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone
from orjson import Fragment
from rest_framework.request import Request

from apps.core.api.addresses import client_address
from apps.core.api.renderers import dumps
from apps.core.api.responses import Response
from apps.core.db.ids import new_id
from apps.core.db.statements import select
from apps.core.errors import BadRequest, Conflict, Unprocessable
from apps.core.models import IdempotencyKey
from apps.core.tasks.housekeeping import IDEMPOTENCY_KEYS_KEPT

Handler = Callable[..., Response]


class InvalidIdempotencyKey(BadRequest):
    code, title = "invalid_idempotency_key", "Idempotency-Key must be 1 to 255 printable ASCII characters."


class IdempotencyKeyReused(Unprocessable):
    code, title = "idempotency_key_reused", "This Idempotency-Key came with another body before."


class RequestInProgress(Conflict):
    code, title = "request_in_progress", "The first request with this Idempotency-Key is still running."


def idempotent(handler: Handler) -> Handler:
    """Decorates an action that creates. Refusals are not kept: what made nothing may be tried again."""

    @wraps(handler)
    def wrapper(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
            raise InvalidIdempotencyKey
        with transaction.atomic():
            return _once(handler, view, request, key, *args, **kwargs)

    return wrapper


# Whose key it is: a person's, or an address's.
_A_PERSONS = "user_id = %(user_id)s"
_AN_ADDRESSES = "user_id IS NULL AND address = %(address)s"
_LOCK = "SELECT pg_try_advisory_xact_lock(%(number)s)"
_FIND = """
SELECT status, body, fingerprint, created_at < %(expired)s FROM core_idempotencykey
WHERE {whose} AND route = %(route)s AND key = %(key)s
"""
_KEEP = """
INSERT INTO core_idempotencykey (id, user_id, address, route, key, fingerprint, status, body)
VALUES (%(id)s, %(user_id)s, %(address)s, %(route)s, %(key)s, %(fingerprint)s, %(status)s, %(body)s) RETURNING id
"""


def _once(handler: Handler, view: Any, request: Request, key: str, *args: Any, **kwargs: Any) -> Response:
    user = request.user if request.user.is_authenticated else None
    owner = {"user_id": user.pk, "address": ""} if user else {"user_id": None, "address": client_address(request)}
    identity = {**owner, "route": request.resolver_match.route if request.resolver_match else "", "key": key}
    if not _lock(identity):
        raise RequestInProgress
    fingerprint = hashlib.sha256(dumps([request.path.rstrip("/"), request.data])).hexdigest()
    if kept := _kept(identity):
        if kept.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        return Response(Fragment(kept.body), status=kept.status, headers={"Idempotency-Replayed": "true"})
    response = handler(view, request, *args, **kwargs)
    select(_KEEP, id=new_id(), **identity, **_Kept(response.status_code, response.content, fingerprint)._asdict())
    return response


def _lock(identity: dict[str, Any]) -> bool:
    number = int.from_bytes(hashlib.sha256(dumps(identity)).digest()[:8], signed=True)
    [(locked,)] = select(_LOCK, number=number)
    return bool(locked)


class _Kept(NamedTuple):
    """The first answer."""

    status: int
    body: bytes
    fingerprint: str


def _kept(identity: dict[str, Any]) -> _Kept | None:
    """In a statement that begins after the lock. One that has outlived its use is removed on the way."""
    sql = _FIND.format(whose=_A_PERSONS if identity["user_id"] else _AN_ADDRESSES)
    for *answer, expired in select(sql, **identity, expired=timezone.now() - IDEMPOTENCY_KEYS_KEPT):
        if not expired:
            return _Kept(*answer)
        IdempotencyKey.objects.filter(**identity).delete()
    return None
