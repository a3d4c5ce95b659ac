"""Pages with a form: the values that are shown in its fields, and the messages of a refusal next to them."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import Serializer

from apps.core.api import problems
from apps.core.errors import DomainError, NotFound, TooManyRequests
from apps.web.errors import field_errors
from apps.web.http import render_page, validate


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
