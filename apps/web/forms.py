"""Pages with a form: the values that are shown in its fields, and the messages of a refusal next to them."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from apps.core.api import problems
from apps.core.api.idempotency import run_once
from apps.core.api.renderers import dumps
from apps.core.errors import DomainError, NotFound, TooManyRequests
from apps.web.errors import field_errors
from apps.web.http import render_page, validate

KEY_LENGTH = 32
_SALT = "photogram.web.form"


def form_page(
    request: HttpRequest,
    template: str,
    save: Callable[[], HttpResponse],
    *,
    values: Mapping[str, Any],
    secrets: Iterable[str] = (),
    places: Mapping[str, str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The page of a form or, for POST, the response of `save`, which raises DomainError or ValidationError to refuse.

    `values` are shown in the fields; after a refusal these show what was typed. The fields `secrets` are always empty.
    `places`: {code of an error: the field to which its message belongs}.
    """
    if request.method == "POST":
        try:
            return save()
        except NotFound:
            raise
        except (DomainError, ValidationError) as error:
            return refused_form(
                request, template, error, values=values, secrets=secrets, places=places, context=context
            )
    return render_page(request, template, {"form": values, "errors": {}, **(context or {})})


def refused_form(
    request: HttpRequest,
    template: str,
    error: DomainError | ValidationError,
    *,
    values: Mapping[str, Any],
    secrets: Iterable[str] = (),
    places: Mapping[str, str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The page of a form that was refused, with the status of the error. Arguments as for `form_page`."""
    refusal = problems.refusal_for(error)
    errors = _messages(refusal, places or {})
    # Messages about fields that the form does not have are shown above it.
    general = [text for name in errors.keys() - set(values) - set(secrets) for text in errors.pop(name)]
    typed = {name: _typed(request, name, value) for name, value in values.items()}
    page = {"form": typed, "errors": errors, "has_field_errors": bool(errors), "form_errors": general}
    response = render_page(request, template, page | dict(context or {}), status=refusal.status)
    for name, value in refusal.headers.items():
        response.headers[name] = value
    return response


def read_passkey_form(request: HttpRequest, serializer_class: type[Serializer[Any]], **values: Any) -> dict[str, Any]:
    """A sent form that a passkey has completed, validated by the serializer of the API. Raises ValidationError.

    `static/web/js/passkeys.js` fills in `challenge` and, as JSON, `passkey`; `values` replace other fields.
    """
    try:
        passkey = json.loads(request.POST.get("passkey", ""))
    except ValueError:
        passkey = None
    data = {"challenge": request.POST.get("challenge", ""), "passkey": passkey} | values
    return cast(dict[str, Any], validate(serializer_class, data))


def new_key() -> str:
    """For the hidden field `key` of a form that creates something (`create_once`)."""
    return get_random_string(KEY_LENGTH)


def create_once(request: HttpRequest, fields: Mapping[str, Any], create: Callable[[], UUID]) -> UUID:
    """The id of what `create` makes, or of what the same form with the same `fields` has made before.

    Without JavaScript a form can be sent twice, and the browser shows the second response only. That request waits for
    the first one. A form whose fields were changed makes something else. `fields` must not contain secrets.
    """
    sent = [request.POST.get("key") or new_key(), fields]
    key = salted_hmac(_SALT, dumps(sent), algorithm="sha256").hexdigest()
    response = run_once(request, key, dict(fields), lambda: Response({"id": str(create())}, status=201), wait=True)
    # The data of a replayed response is its JSON.
    stored = response.data if isinstance(response.data, dict) else orjson.loads(dumps(response.data))
    return UUID(stored["id"])


def _typed(request: HttpRequest, name: str, value: Any) -> Any:
    return name in request.POST if isinstance(value, bool) else request.POST.get(name, "")


def _messages(refusal: DomainError, places: Mapping[str, str]) -> dict[str, list[str]]:
    """{field: messages}; "" for messages about no field."""
    if isinstance(refusal, TooManyRequests) and "Retry-After" in refusal.headers:
        minutes = math.ceil(int(refusal.headers["Retry-After"]) / 60)
        wait = ngettext("Try again in %(minutes)d minute.", "Try again in %(minutes)d minutes.", minutes)
        return {"": [_("Too many attempts.") + " " + wait % {"minutes": minutes}]}
    errors = field_errors(refusal)
    if place := places.get(refusal.code):
        errors.setdefault(place, []).extend(errors.pop("", []))
    return errors
