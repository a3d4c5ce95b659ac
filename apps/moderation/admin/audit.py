"""The audit of decisions and of other acts of staff: filters, pages and CSV export."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse

from apps.accounts.models import User
from apps.core.db.batches import BATCH
from apps.core.db.ids import parse_id
from apps.core.spreadsheets import escape_row
from apps.core.times import timestamp
from apps.moderation.admin.pages import ConsolePage, Slice, current_user, day_of
from apps.moderation.admin.photos import Photo, thumbnail
from apps.moderation.audit.records import record_staff_act
from apps.moderation.cases import reads
from apps.moderation.models import Category, ModerationAction, StaffAct, TargetType

PER_PAGE = 50
# The id of no account, for filters that match nothing.
NO_ID = UUID(int=0)
# Actions that close a report.
CLOSING = {ModerationAction.Action.RESOLVE_FLAG, ModerationAction.Action.DISMISS_FLAG}


# ── Filters ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Register:
    """One of the two lists: its rows, and the cells of a row in the CSV file."""

    name: str
    title: str
    rows: Callable[[HttpRequest], "QuerySet[Any]"]
    columns: tuple[str, ...]
    cells: Callable[[Any], list[object]]


def _decisions(request: HttpRequest) -> "QuerySet[Any]":
    query = request.GET
    rows = ModerationAction.objects.with_outcome()
    if decision := _id(query.get("decision", "")):
        rows = rows.of_decision(decision)
    return rows.matching(
        actor=_user_id(query.get("actor", "")),
        action=_choice(query.get("action", ""), ModerationAction.Action.values),
        target_type=_choice(query.get("target_type", ""), TargetType.values),
        target_id=_id(query.get("target", "")),
        category=_choice(query.get("category", ""), Category.values),
        **_period(request),
    )


def _acts(request: HttpRequest) -> "QuerySet[Any]":
    query = request.GET
    return StaffAct.objects.with_actor().matching(
        actor=_user_id(query.get("actor", "")),
        act=query.get("act", "").strip()[:40] or None,
        subject_id=query.get("target", "").strip()[:64] or None,
        **_period(request),
    )


def _user_id(text: str) -> UUID | None:
    if not text.strip():
        return None
    found = User.objects.named(text.strip()).values_list("pk", flat=True).first()
    # The audit contains the ids of deleted accounts.
    return found or parse_id(text.strip()) or NO_ID


def _choice(text: str, values: list[str]) -> str | None:
    return text if text in values else None


def _id(text: str) -> UUID | None:
    return (parse_id(text.strip()) or NO_ID) if text.strip() else None


def _period(request: HttpRequest) -> dict[str, Any]:
    """From the first to the last day, inclusive."""
    until = day_of(request.GET.get("until", ""))
    return {"since": day_of(request.GET.get("since", "")), "until": until + timedelta(days=1) if until else None}


DECISIONS = Register(
    "decisions",
    "Decisions",
    _decisions,
    ("id", "at", "actor", "action", "target_type", "target_id", "category", "reason", "until", "undone_at"),
    lambda row: [
        row.pk,
        timestamp(row.created_at),
        row.actor.handle if row.actor else row.actor_id or "",
        row.action,
        row.target_type,
        row.target_id,
        row.category,
        row.reason,
        timestamp(row.until) if row.until else "",
        timestamp(row.reversed_at) if row.reversed_at else "",
    ],
)
STAFF = Register(
    "staff",
    "Staff",
    _acts,
    ("id", "at", "actor", "act", "subject_type", "subject_id", "reason", "detail"),
    lambda row: [
        row.pk,
        timestamp(row.created_at),
        row.actor.handle if row.actor else row.actor_id,
        row.act,
        row.subject_type,
        row.subject_id,
        row.reason,
        row.detail or "",
    ],
)
REGISTERS = {register.name: register for register in (DECISIONS, STAFF)}


def _register(request: HttpRequest) -> Register:
    register = REGISTERS.get(request.GET.get("tab", DECISIONS.name))
    if register is None:
        raise Http404
    return register


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────
class AuditPage(ConsolePage):
    title = "Audit"
    template_name = "console/audit.html"

    def get_page_context(self) -> dict[str, Any]:
        register = _register(self.request)
        rows: Any = register.rows(self.request)
        if register is DECISIONS and "decision" not in self.request.GET:
            rows = rows.first_rows().with_reports_closed()
        page = Slice.of(self.request, rows, PER_PAGE)
        return {
            "registers": list(REGISTERS.values()),
            "register": register,
            "page": page,
            "entries": _entries(page.rows) if register is DECISIONS else [],
            "filters": self.request.GET,
            "actions": ModerationAction.Action.choices,
            "target_types": TargetType.choices,
            "categories": Category.choices,
            "query": self.request.GET.urlencode(),
        }


@dataclass(frozen=True)
class Entry:
    """A decision in the list. The author and the photo are None if the target is deleted."""

    action: ModerationAction
    author: User | None
    photo: Photo | None

    @property
    def closed(self) -> int:
        """The number of reports that a decision of several rows closed."""
        parts: int = getattr(self.action, "closed", 0)
        return parts + (parts > 0 and self.action.action in CLOSING)


def _entries(actions: Sequence[ModerationAction]) -> list[Entry]:
    targets = reads.find_targets(actions)
    found = [(action, targets.get(action.target_id)) for action in actions]
    return [
        Entry(action, row if isinstance(row, User) else getattr(row, "author", None), thumbnail(row))
        for action, row in found
    ]


# ── CSV ─────────────────────────────────────────────────────────────────────────────────────────────
class ExportAuditPage(ConsolePage):
    """All rows that the filters select, as CSV. The export is recorded first. POST only."""

    title = "Audit"
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        register = _register(request)
        rows = register.rows(request)
        filters = {name: value for name, value in request.GET.items() if value and name != "after"}
        record_staff_act("export_audit", current_user(request), by=current_user(request).pk, filters=filters)
        answer = StreamingHttpResponse(_lines(register, rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="audit-{register.name}.csv"'
        answer["Cache-Control"] = "private, no-store"
        return answer


def _lines(register: Register, rows: "QuerySet[Any]") -> Iterator[str]:
    """The lines, newest first, read in batches."""
    writer = csv.writer(_Line())
    yield writer.writerow(register.columns)
    page = rows.order_by("-pk")
    while batch := list(page[:BATCH]):
        for row in batch:
            yield writer.writerow(escape_row(register.cells(row)))
        page = rows.filter(pk__lt=batch[-1].pk).order_by("-pk")


class _Line:
    """A file for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line
