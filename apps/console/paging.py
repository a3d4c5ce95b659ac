"""Paging of lists of any length: no page counts, sorts or skips more than ten thousand rows."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from apps.core.db.queries import fetch_rows, load

# Rows are counted up to this number, and pages end there. A search or a filter finds the rows after it.
COUNTED = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # Django's takes no arguments at run time
    """Uses PostgreSQL's estimate for a whole table, and counts the rows of a search or a filter up to COUNTED."""

    template_name = "console/pagination.html"

    @cached_property
    def count(self) -> int:
        return max(self._estimate, self._count_to_the_bound)

    @cached_property
    def num_pages(self) -> int:
        return max(1, min(-(-self.count // self.per_page), COUNTED // self.per_page))

    @property
    def in_words(self) -> str:
        if self._estimate:
            return f"about {self._estimate:,}"
        return f"more than {COUNTED:,}" if self.count > COUNTED else f"{self.count:,}"

    @cached_property
    def _estimate(self) -> int:
        """The estimated number of rows; 0 for a small table or a part of one, whose rows are counted."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        if rows.query.where or rows.query.distinct:
            return 0
        [(estimate,)] = fetch_rows(load("core/estimated_rows"), {"table": rows.model._meta.db_table})
        return int(estimate) if estimate > COUNTED else 0

    @cached_property
    def _count_to_the_bound(self) -> int:
        if self._estimate:
            return 0
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by().select_related(None)[: COUNTED + 1].count()


class IndexedChangeList(ChangeList):  # type: ignore[misc]  # unfold carries no types
    """A list in the order of its admin, which has an index; the order of the request is ignored."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        ordering = list(self.model_admin.get_ordering(request) or self._get_default_ordering())
        return list(self._get_deterministic_ordering(ordering))
