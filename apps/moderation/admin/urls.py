"""The URLs of the moderation pages of the console."""

from typing import Any

from django.urls import URLPattern, path

from apps.moderation.admin.appeals import AppealsPage, DecideAppealView
from apps.moderation.admin.applications import ApplicationPage, ApplicationsPage, ReleaseApplicationView
from apps.moderation.admin.audit import AuditPage, ExportAuditPage
from apps.moderation.admin.bulk import AuthorView, SweepView
from apps.moderation.admin.cases import CaseView, ProposalView, ReleaseView, UndoView
from apps.moderation.admin.pages import ConsolePage
from apps.moderation.admin.people import PersonPage
from apps.moderation.admin.posts import PostPage
from apps.moderation.admin.queue import QueueView
from apps.moderation.admin.search import SearchPage
from apps.moderation.admin.statistics import DashboardPage, TransparencyPage, WorkloadPage
from apps.moderation.admin.team import AddNoteView, DeleteNoteView, DigestPage, TagsPage

PAGES: dict[str, tuple[str, type[ConsolePage]]] = {
    "moderation_dashboard": ("dashboard/", DashboardPage),
    "moderation_search": ("search/", SearchPage),
    "moderation_appeals": ("appeals/", AppealsPage),
    "moderation_appeal_decide": ("appeals/<uuid:appeal_id>/decide/", DecideAppealView),
    "moderation_applications": ("applications/", ApplicationsPage),
    "moderation_application": ("applications/<uuid:application_id>/", ApplicationPage),
    "moderation_application_release": ("applications/<uuid:application_id>/release/", ReleaseApplicationView),
    "moderation_person": ("person/<uuid:person_id>/", PersonPage),
    "moderation_note_add": ("person/<uuid:person_id>/notes/", AddNoteView),
    "moderation_note_delete": ("notes/<uuid:note_id>/delete/", DeleteNoteView),
    "moderation_tags": ("tags/", TagsPage),
    "moderation_digest": ("digest/", DigestPage),
    "moderation_post": ("post/<uuid:post_id>/", PostPage),
    "moderation_audit": ("audit/", AuditPage),
    "moderation_audit_export": ("audit/export/", ExportAuditPage),
    "moderation_workload": ("workload/", WorkloadPage),
    "moderation_transparency": ("transparency/", TransparencyPage),
}


def page_urls(model_admin: Any) -> list[URLPattern]:
    """The URLs of the other pages, below those of the audit."""
    wrap = model_admin.admin_site.admin_view
    pages = [(name, route, page.as_view(model_admin=model_admin)) for name, (route, page) in PAGES.items()]
    return [path(route, wrap(view), name=name) for name, route, view in pages]


class CaseUrls:
    """The URLs of the queue and the cases, below those of the reports."""

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site  # type: ignore[attr-defined]

        def page(view: Any) -> Any:
            return site.admin_view(view.as_view(model_admin=self))

        own = [
            path("queue/", page(QueueView), name="moderation_flag_queue"),
            path("case/<slug:kind>/<uuid:pk>/", page(CaseView), name="moderation_flag_case"),
            path("case/<slug:kind>/<uuid:pk>/release/", page(ReleaseView), name="moderation_flag_release"),
            path("sweep/", page(SweepView), name="moderation_flag_sweep"),
            path("author/<uuid:pk>/", page(AuthorView), name="moderation_flag_author"),
            path("proposal/<uuid:pk>/", page(ProposalView), name="moderation_flag_proposal"),
            path("undo/<uuid:pk>/", page(UndoView), name="moderation_moderationaction_undo"),
        ]
        rest: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return own + rest
