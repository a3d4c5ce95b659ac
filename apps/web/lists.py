"""Pages of lists: the keyset pagination of the API, with `?cursor=` in links of pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from apps.core.api.pagination import Fetch, KeysetPagination
from apps.web.http import render_page, render_part, wants_part

R = TypeVar("R")
# About four screens of a phone; the next page is loaded before its end.
POSTS = 6
GRID = 30
PEOPLE = 30


@dataclass
class ListPage:
    """A page of a list. `next_url` is the path of the next page, or "" on the last one; `is_first` says whether the
    list starts here."""

    items: Sequence[Any]
    next_url: str = ""
    is_first: bool = True


@dataclass
class _ListView:
    """What `KeysetPagination` asks of a view: which list this is."""

    action: str
    kwargs: dict[str, Any]
    filters: dict[str, Any]
    basename: str = "web"
    ordering: str = "-id"

    def get_filter_values(self) -> dict[str, Any]:
        return self.filters


@dataclass
class _ListRequest:
    """What `KeysetPagination` asks of a request."""

    user: Any
    query_params: dict[str, str] = field(default_factory=dict)


def paginate(
    request: HttpRequest,
    name: str,
    fetch: Fetch[R],
    *,
    position: Callable[[R], Any],
    serialize: Callable[[Sequence[R]], Sequence[Any]] = lambda rows: rows,
    limit: int,
    scope: dict[str, Any] | None = None,
    filters: dict[str, Any] | None = None,
) -> ListPage:
    """The requested page of the rows of `fetch`, as `BaseViewSet.paginate`.

    `name` and `scope` say which list it is: a cursor is valid for no other. `filters` are repeated in `next_url`.
    Raises InvalidCursor.
    """
    paginator = KeysetPagination()
    view = _ListView(name, scope or {}, filters or {})
    rows = paginator.paginate_rows(fetch, _list_request(request, limit), view, position=position)  # type: ignore[arg-type]
    return ListPage(serialize(rows), _next_url(request, paginator, view), "cursor" not in request.GET)


def paginate_queryset(
    request: HttpRequest,
    name: str,
    queryset: QuerySet[Any],
    *,
    serialize: Callable[[Sequence[Any]], Sequence[Any]] = lambda rows: rows,
    limit: int,
    ordering: str = "-id",
    scope: dict[str, Any] | None = None,
    filters: dict[str, Any] | None = None,
) -> ListPage:
    """The requested page of a queryset, by a unique column. `filters` are repeated in `next_url`. Raises
    InvalidCursor."""
    paginator = KeysetPagination()
    view = _ListView(name, scope or {}, filters or {}, ordering=ordering)
    rows = paginator.paginate_queryset(queryset, _list_request(request, limit), view)  # type: ignore[arg-type]
    return ListPage(serialize(rows), _next_url(request, paginator, view), "cursor" not in request.GET)


def render_list(
    request: HttpRequest, listed: ListPage, *, template: str, part: str, context: dict[str, Any]
) -> HttpResponse:
    """The page of a list; for a script that adds the next page to it, only the items (`part`)."""
    if wants_part(request) and not listed.is_first:
        return render_part(request, part, context)
    return render_page(request, template, context)


def _list_request(request: HttpRequest, limit: int) -> _ListRequest:
    params = {"limit": str(limit)}
    if "cursor" in request.GET:
        params["cursor"] = request.GET["cursor"]
    return _ListRequest(request.user, params)


def _next_url(request: HttpRequest, paginator: KeysetPagination, view: _ListView) -> str:
    if paginator.next_cursor is None:
        return ""
    filters = {name: value for name, value in view.filters.items() if value not in (None, "")}
    return f"{request.path}?{urlencode({**filters, 'cursor': paginator.next_cursor})}"
