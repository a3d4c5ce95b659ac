"""The search page."""

from typing import Any

from apps.moderation.admin.pages import ConsolePage, current_user
from apps.moderation.audit.records import record_staff_act
from apps.moderation.console import search


class SearchPage(ConsolePage):
    title = "Search"
    template_name = "console/search.html"

    def get_page_context(self) -> dict[str, Any]:
        query, reader = self.request.GET.get("q", "").strip(), current_user(self.request)
        results = search.find(query, reader_id=reader.pk)
        if results.by_email:
            record_staff_act("find_by_email", results.people[0], by=reader.pk)
        return {"query": query, "results": results, "limit": search.LIMIT, "max_length": search.MAX_LENGTH}
