"""Where our own pages of the console are: below the audit's, whose admin they belong to."""

from typing import Any

from django.urls import URLPattern, path

from apps.moderation.admin.appeals import AppealsPage, DecideAppealPage
from apps.moderation.admin.audit import AuditPage, ExportAuditPage
from apps.moderation.admin.insight import DashboardPage, TransparencyPage, WorkloadPage
from apps.moderation.admin.pages import ConsolePage
from apps.moderation.admin.people import PersonPage
from apps.moderation.admin.posts import PostPage
from apps.moderation.admin.search import SearchPage

PAGES: dict[str, tuple[str, type[ConsolePage]]] = {
    "moderation_dashboard": ("dashboard/", DashboardPage),
    "moderation_search": ("search/", SearchPage),
    "moderation_appeals": ("appeals/", AppealsPage),
    "moderation_appeal_decide": ("appeals/<uuid:appeal_id>/decide/", DecideAppealPage),
    "moderation_person": ("person/<uuid:person_id>/", PersonPage),
    "moderation_post": ("post/<uuid:post_id>/", PostPage),
    "moderation_audit": ("audit/", AuditPage),
    "moderation_audit_export": ("audit/export/", ExportAuditPage),
    "moderation_workload": ("workload/", WorkloadPage),
    "moderation_transparency": ("transparency/", TransparencyPage),
}


def pages_of(model_admin: Any) -> list[URLPattern]:
    inside = model_admin.admin_site.admin_view
    return [
        path(place, inside(page.as_view(model_admin=model_admin)), name=name) for name, (place, page) in PAGES.items()
    ]
