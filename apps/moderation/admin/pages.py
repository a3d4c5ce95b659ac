"""Shared parts of the moderation pages: permissions, paging and durations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.views.generic import TemplateView
from unfold.views import UnfoldModelAdminViewMixin

from apps.accounts.models import User
from apps.core.db.ids import parse_id
from apps.core.errors import NotFound
from apps.moderation.roles import may_change_rules


# ── Permissions ──────────────────────────────────────────────────────────────────────────────────────────────────
def current_user(request: HttpRequest) -> User:
    return cast(User, request.user)


def may_moderate(request: HttpRequest) -> bool:
    return request.user.is_authenticated and current_user(request).is_moderator


def may_oversee(request: HttpRequest) -> bool:
    """Whether the user may see the workload of the moderators."""
    return request.user.is_authenticated and may_change_rules(current_user(request))


class ConsolePage(UnfoldModelAdminViewMixin, TemplateView):  # type: ignore[misc]  # unfold carries no types
    """A page for moderators. Other members of staff are refused."""

    title: str

    def has_permission(self) -> bool:
        return may_moderate(self.request)

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**more)
        try:
            context |= self.get_page_context()
        except NotFound as refusal:
            raise Http404 from refusal
        # The heading is the title, not the names of the model below which the page has its URL.
        return context | {"model_admin": None}

    def get_page_context(self) -> dict[str, Any]:
        """The context of the page, in addition to the one of the console."""
        return {}


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Slice:
    """A page of a list in the order of ids, with the query strings of the next and the first page."""

    rows: Sequence[Any]
    next: str
    first: str

    @classmethod
    def of(cls, request: HttpRequest, rows: "QuerySet[Any]", size: int, *, oldest_first: bool = False) -> "Slice":
        after = parse_id(request.GET.get("after", ""))
        if after:
            rows = rows.filter(pk__gt=after) if oldest_first else rows.filter(pk__lt=after)
        found = list(rows.order_by("pk" if oldest_first else "-pk")[: size + 1])
        shown = found[:size]
        return cls(
            shown,
            next=_query(request, after=str(shown[-1].pk)) if len(found) > size else "",
            first=_query(request) if after else "",
        )


def _query(request: HttpRequest, **instead: str) -> str:
    """The query string of the request with another position in the list, or without one for the first page."""
    asked = request.GET.copy()
    asked.pop("after", None)
    for name, value in instead.items():
        asked[name] = value
    return f"?{asked.urlencode()}"


# ── Durations and days ────────────────────────────────────────────────────────────────────────────────────────────────
def format_duration(seconds: float | None) -> str:
    """`3 h 20 min`: two units at most."""
    if seconds is None:
        return "–"
    minutes = round(seconds / 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min" if minutes else f"{round(seconds)} s"


def day_of(text: str) -> datetime | None:
    """The start (UTC) of a day such as `2026-11-24`, or None for an invalid text."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
