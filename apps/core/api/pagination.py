"""Keyset pagination: `?limit=` and a signed `?cursor=`.

A page holds the rows after a position in the order of an index, so each page costs the same, and reading a list page by
page never repeats a row nor skips a row that existed throughout. A cursor is valid only for the list, the filters and
the viewer that it was made for.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from orjson import Fragment
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import BadRequest

DEFAULT_LIMIT = 20
# An example, for the OpenAPI document.
CURSOR = "WyIwMTlhYjhhNC02YzFlLTdkM2YiXQ:Y7pQ4b"
MAX_LIMIT = 100
M = TypeVar("M", bound=Model)
R = TypeVar("R")
# `fetch(after, limit)` returns up to `limit` rows that follow the position `after`: None at the start of the list, else
# what `position(row)` returned for the last row of the page before, with ids as text.
Fetch = Callable[[Any, int], Sequence[R]]


class InvalidLimit(BadRequest):
    code, title = "invalid_limit", _("limit must be an integer of at least 1.")


class InvalidCursor(BadRequest):
    code, title = "invalid_cursor", _("That cursor does not belong to this list.")


class KeysetPagination(BasePagination):
    """`paginate_queryset` pages a queryset by one unique column; `paginate_rows` pages the rows of a function."""

    # A unique, time-ordered column of the queryset. A view may have an `ordering` of its own.
    ordering = "-id"
    next_cursor: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the requested page. Raises InvalidLimit, InvalidCursor."""
        ordering: str = getattr(view, "ordering", None) or self.ordering
        column = ordering.removeprefix("-")
        lookup = f"{column}__lt" if ordering.startswith("-") else f"{column}__gt"

        def fetch(after: Any, limit: int) -> list[Any]:
            rows = queryset if after is None else queryset.filter(**{lookup: after})
            return list(rows.order_by(ordering)[:limit])

        return self.paginate_rows(fetch, request, view, position=lambda row: getattr(row, column))

    def paginate_rows(
        self,
        fetch: Fetch[R],
        request: Request,
        view: Any,
        *,
        position: Callable[[R], Any],
        scope: dict[str, Any] | None = None,
    ) -> list[R]:
        """The rows of the requested page, from `fetch`.

        `position` gives the place of a row in the list: a value, or a tuple of values. `scope` names what the list
        depends on beside its filters; it defaults to the arguments of the URL. Raises InvalidLimit, InvalidCursor.
        """
        limit, cursor = _limit(request.query_params.get("limit")), request.query_params.get("cursor")
        list_id = _list_id(request, view, scope)
        after = None if cursor is None else _unsign(list_id, cursor)
        # A row more than the page holds shows whether another page follows.
        rows = list(fetch(after, limit + 1))
        if len(rows) > limit:
            rows = rows[:limit]
            self.next_cursor = _sign(list_id, position(rows[-1]))
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next_cursor": self.next_cursor})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "results": schema,
                "next_cursor": {"type": ["string", "null"], "description": "null on the last page."},
            },
            "x-example": {"next_cursor": CURSOR},
            "required": ["next_cursor", "results"],
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        rows = f"Rows of a page. A value over {MAX_LIMIT} counts as {MAX_LIMIT}."
        return [
            _query_parameter("limit", rows, type="integer", minimum=1, default=DEFAULT_LIMIT),
            _query_parameter("cursor", "`next_cursor` of the previous page.", type="string"),
        ]


def _query_parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _list_id(request: Request, view: Any, scope: dict[str, Any] | None) -> str:
    """Which list this is, with which filters, and whose."""
    name = f"{getattr(view, 'basename', None) or type(view).__name__}.{view.action}"
    parts = [view.kwargs if scope is None else scope, view.get_filter_values()]
    narrowed = [sorted((key, str(value)) for key, value in part.items()) for part in parts]
    return repr((name, *narrowed, str(getattr(request.user, "pk", None))))


def _limit(raw: str | None) -> int:
    if raw is None:
        return DEFAULT_LIMIT
    if not (raw.isascii() and raw.isdigit()) or len(raw) > 18 or int(raw) < 1:
        raise InvalidLimit
    return min(int(raw), MAX_LIMIT)


def _signer(list_id: str) -> signing.Signer:
    return signing.Signer(salt=f"cursor:{list_id}")


def _sign(list_id: str, position: Any) -> str:
    """The cursor of a position of the list: a value, or a tuple of values."""
    values = position if isinstance(position, tuple) else (position,)
    return _signer(list_id).sign_object([str(value) if isinstance(value, UUID) else value for value in values])


def _unsign(list_id: str, cursor: str) -> Any:
    """The position that a cursor was made of. Raises InvalidCursor."""
    if len(cursor) > 1000 or not cursor.isascii():
        raise InvalidCursor
    try:
        values = _signer(list_id).unsign_object(cursor)
    except (signing.BadSignature, ValueError) as error:
        raise InvalidCursor from error
    if not isinstance(values, list):
        raise InvalidCursor
    return values[0] if len(values) == 1 else tuple(values)


# The rest serves the views that are not a `BaseViewSet` yet.
class Window(NamedTuple):
    """The part of a list that a request asks for: up to `limit` rows that come `after` a position (None: the start).

    `of_list` says which list this is, with which filters, and whose: a cursor is good for no other.
    """

    limit: int
    after: list[Any] | None
    of_list: str

    @classmethod
    def of(cls, request: Request, list_name: str, **filters: object) -> "Window":
        """Raises InvalidLimit, InvalidCursor."""
        viewer, asked = getattr(request.user, "pk", None), request.query_params
        of_list = repr((list_name, sorted((name, str(value)) for name, value in filters.items()), str(viewer)))
        limit, cursor = _limit(asked.get("limit")), asked.get("cursor")
        after = None if cursor is None else _unsign(of_list, cursor)
        return cls(limit, None if after is None else list(after) if isinstance(after, tuple) else [after], of_list)

    def cursor(self, position: Sequence[Any]) -> str:
        return _sign(self.of_list, tuple(position))


def newest_first(queryset: QuerySet[M, R], window: Window, *, key: str = "id") -> list[R]:
    """One row more than the window's limit, by descending `key` (a unique, time-ordered column)."""
    if window.after is not None:
        queryset = queryset.filter(Q(**{f"{key}__lt": window.after[0]}))
    return list(queryset.order_by(f"-{key}")[: window.limit + 1])


def page(
    rows: Sequence[R],
    window: Window,
    *,
    position: Callable[[R], Sequence[Any]],
    card: Callable[[R], dict[str, Any]] | None = None,
    cards: Callable[[Sequence[R]], Sequence[dict[str, Any] | Fragment]] | None = None,
) -> dict[str, Any]:
    """The answer: `results` rendered one by one by `card` or all at once by `cards`, as dicts or as JSON; and
    `next_cursor`.

    `rows` holds up to one more than the limit, which tells whether there is a next page.
    """
    shown = rows[: window.limit]
    more = len(rows) > window.limit
    results = cards(shown) if cards else [card(row) for row in shown] if card else list(shown)
    return {"results": results, "next_cursor": window.cursor(position(shown[-1])) if more else None}
