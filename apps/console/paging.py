"""Pages of lists of any length: none of them counts, sorts or skips more than ten thousand rows."""

from typing import Any

from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

# So far rows are counted, and so far one turns pages. What lies deeper is found by a search or a filter.
COUNTED = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # Django's takes no arguments at run time
    """Everything behind a list is estimated, by what PostgreSQL noted when it last looked; what a search or a filter
    leaves is counted up to the bound."""

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
        """0 where counting is better: of a small table, or of a part of one."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        if rows.query.where or rows.query.distinct:
            return 0
        with connections[rows.db].cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [rows.model._meta.db_table]
            )
            estimate = int(cursor.fetchone()[0])
        return estimate if estimate > COUNTED else 0

    @cached_property
    def _count_to_the_bound(self) -> int:
        if self._estimate:
            return 0
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by().select_related(None)[: COUNTED + 1].count()


class IndexedChangeList(ChangeList):  # type: ignore[misc]  # unfold carries no types
    """In the order that its admin has an index for, whatever the address asks for."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        ordering = list(self.model_admin.get_ordering(request) or self._get_default_ordering())
        return list(self._get_deterministic_ordering(ordering))
