"""One box for everything."""

from typing import Any

from apps.moderation.admin.pages import ConsolePage, member
from apps.moderation.audit import records as trail
from apps.moderation.console import search as lookup


class SearchPage(ConsolePage):
    title = "Search"
    template_name = "console/search.html"

    def shown(self) -> dict[str, Any]:
        asked = self.request.GET.get("q", "").strip()
        found = lookup.look_up(asked)
        if found.by_address:
            trail.note("find_by_email", found.people[0], by=member(self.request).pk)
        return {"asked": asked, "found": found, "each": lookup.EACH, "longest": lookup.LONGEST}
