"""The queue of cases."""

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.core.db.ids import parse_id
from apps.moderation.admin.photos import thumbnail
from apps.moderation.admin.views import KEYS, LIST_KEYS, ModerationView, case_url, text_of
from apps.moderation.cases import queue, reads
from apps.moderation.models import Category, Decision, OpenCase


class QueueView(ModerationView):
    title = "Queue"
    template_name = "console/queue/queue.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        category = request.GET.get("category", "")
        category = category if category in Category.values else ""
        rows = reads.list_cases(limit=reads.PAGE + 1, after=_after(request.GET.get("after", "")), category=category)
        page, more = rows[: reads.PAGE], rows[reads.PAGE :]
        targets = reads.find_targets(page)
        return self.render(
            rows=[self._row(row, targets.get(row.target_id)) for row in page],
            after=f"{page[-1].severity}:{page[-1].first_flag_id}" if more else "",
            categories=Category.choices,
            category=category,
            decisions=[(name, Decision(name).label) for name in KEYS],
            max_at_once=queue.MAX_AT_ONCE,
            keys=[
                *LIST_KEYS,
                ("Enter", "open the selected case"),
                ("x", "select it for a bulk decision"),
                ("a", "select all"),
            ],
        )

    def _row(self, row: OpenCase, target: Any) -> dict[str, Any]:
        return {
            "case": row,
            "path": f"{row.target_type}/{row.target_id}",
            "url": case_url(f"{row.target_type}/{row.target_id}"),
            "photo": thumbnail(target),
            "text": text_of(target),
            "deleted": target is None,
            "mine": row.holder_id == self.moderator.pk,
        }


def _after(text: str) -> tuple[Decimal, UUID] | None:
    """The position of a case in the queue, or None for an invalid position: the start of the queue."""
    severity, _, first = text.partition(":")
    try:
        number, pk = Decimal(severity), parse_id(first)
    except InvalidOperation:
        return None
    return (number, pk) if pk and number.is_finite() else None
