"""`Idempotency-Key`: the same key with the same body replays the first response.

The response is committed in the transaction of what the call created, so neither exists without the other. An advisory
lock of that transaction shows a second call that the first is still running.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from orjson import Fragment
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.addresses import client_address
from apps.core.api.fields import SecretField
from apps.core.api.renderers import dumps
from apps.core.db.locks import transaction_lock, try_transaction_lock
from apps.core.errors import BadRequest, Conflict, Unprocessable
from apps.core.models import IdempotencyKey
from apps.core.tasks.housekeeping import IDEMPOTENCY_KEYS_KEPT

Handler = Callable[..., Response]
_SALT = "photogram.core.idempotency"


class InvalidIdempotencyKey(BadRequest):
    code, title = "invalid_idempotency_key", _("Idempotency-Key must be 1 to 255 printable ASCII characters.")


class IdempotencyKeyReused(Unprocessable):
    code, title = "idempotency_key_reused", _("This Idempotency-Key came with another body before.")


class RequestInProgress(Conflict):
    code, title = "request_in_progress", _("The first request with this Idempotency-Key is still running.")


def idempotent(handler: Handler) -> Handler:
    """Decorates an action that creates. Refusals are not stored, so that the call may be tried again."""

    @wraps(handler)
    def wrapper(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            return handler(view, request, *args, **kwargs)
        return run_once(request, key, _body_of(view, request), lambda: handler(view, request, *args, **kwargs))

    return wrapper


@transaction.atomic
def run_once(
    request: Request | HttpRequest,
    key: str,
    body: dict[str, Any],
    create: Callable[[], Response],
    *,
    wait: bool = False,
) -> Response:
    """The response of `create`, or the first response to the same key and `body` of this caller and route.

    `wait`: while the first request is running, wait for it. Raises InvalidIdempotencyKey, RequestInProgress,
    IdempotencyKeyReused, and what `create` raises.
    """
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidIdempotencyKey
    user = request.user if request.user.is_authenticated else None
    owner = {"user_id": user.pk, "address": ""} if user else {"user_id": None, "address": client_address(request) or ""}
    identity = {**owner, "route": request.resolver_match.route if request.resolver_match else "", "key": key}
    lock = f"idempotency:{dumps(identity).decode()}"
    if wait:
        transaction_lock(lock)
    elif not try_transaction_lock(lock):
        raise RequestInProgress
    fingerprints = _fingerprints(request, body)
    if stored := _stored(identity):
        if stored.fingerprint not in fingerprints:
            raise IdempotencyKeyReused
        return Response(Fragment(bytes(stored.body)), status=stored.status, headers={"Idempotency-Replayed": "true"})
    response = create()
    first_response = {"status": response.status_code, "body": dumps(response.data), "fingerprint": fingerprints[0]}
    IdempotencyKey.objects.create(**identity, **first_response)
    return response


def _body_of(view: Any, request: Request) -> dict[str, Any]:
    """The body without its secrets, so that nobody who reads the table can guess them. Two bodies that differ only in
    a secret are the same."""
    secret = {name for name, field in view.get_serializer().fields.items() if isinstance(field, SecretField)}
    data = cast(dict[str, Any], request.data)
    return {name: value for name, value in data.items() if name not in secret}


def _fingerprints(request: Request | HttpRequest, body: dict[str, Any]) -> list[str]:
    """MACs of path and body under the server's key, then under its former keys."""
    message = dumps([request.path.rstrip("/"), body])
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac(_SALT, message, secret=key, algorithm="sha256").hexdigest() for key in keys]


def _stored(identity: dict[str, Any]) -> IdempotencyKey | None:
    """The first response, read after the lock was taken. Deletes it if it has expired."""
    stored = IdempotencyKey.objects.filter(**identity).first()
    if stored and stored.created_at < timezone.now() - IDEMPOTENCY_KEYS_KEPT:
        stored.delete()
        return None
    return stored
