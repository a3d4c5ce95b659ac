"""The audit: what moderators decided, and what staff did besides, filtered, paged by id, and exported."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse

from apps.accounts.models import User
from apps.core.db.batches import BATCH
from apps.core.db.ids import parse_id
from apps.core.times import timestamp
from apps.moderation.admin.pages import ConsolePage, Slice, day_of, member
from apps.moderation.audit import records as trail
from apps.moderation.models import Category, ModerationAction, StaffAct, TargetType
from apps.moderation.querysets import Inquiry, TrailInquiry

PER_PAGE = 50
# No account has it: it stands for a person whom nobody is.
NOBODY = UUID(int=0)
# A cell that begins so is a formula to a spreadsheet, whatever follows.
FORMULAE = ("=", "+", "-", "@", "\t", "\r")


# ── What is asked ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Register:
    """One of the two lists: its rows, and how a row is written in a file."""

    name: str
    title: str
    rows: Callable[[HttpRequest], "QuerySet[Any]"]
    columns: tuple[str, ...]
    cells: Callable[[Any], list[object]]


def _decisions(request: HttpRequest) -> "QuerySet[Any]":
    asked = request.GET
    return ModerationAction.objects.for_cards().matching(
        Inquiry(
            actor=_person(asked.get("actor", "")),
            action=_one_of(asked.get("action", ""), ModerationAction.Action.values),
            target_type=_one_of(asked.get("target_type", ""), TargetType.values),
            target_id=_known_id(asked.get("target", "")),
            category=_one_of(asked.get("category", ""), Category.values),
            **_stretch(request),
        )
    )


def _acts(request: HttpRequest) -> "QuerySet[Any]":
    asked = request.GET
    return StaffAct.objects.for_cards().matching(
        TrailInquiry(
            actor=_person(asked.get("actor", "")),
            act=asked.get("act", "").strip()[:40] or None,
            subject_id=asked.get("target", "").strip()[:64] or None,
            **_stretch(request),
        )
    )


def _person(who: str) -> UUID | None:
    if not who.strip():
        return None
    found = User.objects.named(who.strip()).values_list("pk", flat=True).first()
    # The audit outlives accounts: an id finds what is left.
    return found or parse_id(who.strip()) or NOBODY


def _one_of(asked: str, values: list[str]) -> str | None:
    return asked if asked in values else None


def _known_id(text: str) -> UUID | None:
    return (parse_id(text.strip()) or NOBODY) if text.strip() else None


def _stretch(request: HttpRequest) -> dict[str, Any]:
    """Both days are included."""
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

    def shown(self) -> dict[str, Any]:
        register = _register(self.request)
        return {
            "registers": list(REGISTERS.values()),
            "register": register,
            "page": Slice.of(self.request, register.rows(self.request), PER_PAGE),
            "asked": self.request.GET,
            "actions": ModerationAction.Action.choices,
            "target_types": TargetType.choices,
            "categories": Category.choices,
            "query": self.request.GET.urlencode(),
        }


# ── The file ─────────────────────────────────────────────────────────────────────────────────────────────
class ExportAuditPage(ConsolePage):
    """POST only: all rows that the filters select, as CSV. That they were taken along is written down first."""

    title = "Audit"
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        register = _register(request)
        rows = register.rows(request)
        asked = {name: value for name, value in request.GET.items() if value and name != "after"}
        trail.note("export_audit", member(request), by=member(request).pk, filters=asked)
        answer = StreamingHttpResponse(_lines(register, rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="audit-{register.name}.csv"'
        answer["Cache-Control"] = "private, no-store"
        return answer


def _lines(register: Register, rows: "QuerySet[Any]") -> Iterator[str]:
    """A batch in memory at a time, newest first, each by the ids behind the last."""
    writer = csv.writer(_Line())
    yield writer.writerow(register.columns)
    page = rows.order_by("-pk")
    while batch := list(page[:BATCH]):
        for row in batch:
            yield writer.writerow([inert(cell) for cell in register.cells(row)])
        page = rows.filter(pk__lt=batch[-1].pk).order_by("-pk")


class _Line:
    """A file whose lines are handed on instead of kept."""

    def write(self, line: str) -> str:
        return line


def inert(cell: object) -> str:
    """As text that no spreadsheet takes for a formula."""
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULAE) else text
