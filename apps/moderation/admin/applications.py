"""The queue of applications for accounts, and the decision on one."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.accounts.models import Application
from apps.core.errors import DomainError
from apps.core.text import has_forbidden
from apps.moderation import permissions, registration
from apps.moderation.admin.pages import ConsolePage, Slice, current_user
from apps.moderation.admin.views import LIST_KEYS, ModerationView, error_text
from apps.moderation.cases import claims

PER_PAGE = 30
APPROVE, REJECT = "approve", "reject"


class ApplicationsPage(ConsolePage):
    """Pending applications in the order of their arrival, with the moderator who works on each."""

    title = "Applications"
    template_name = "console/applications.html"

    def get_page_context(self) -> dict[str, Any]:
        status = self.request.GET.get("status", "")
        status = status if status in Application.Status.values else Application.Status.PENDING
        rows = Application.objects.listed()
        is_pending = status == Application.Status.PENDING
        rows = rows.pending() if is_pending else rows.filter(status=status)
        page = Slice.of(self.request, rows, PER_PAGE, oldest_first=is_pending)
        holders = claims.holders([application.user_id for application in page.rows])
        return {
            "page": page,
            "applications": [(application, holders.get(application.user_id)) for application in page.rows],
            "me": current_user(self.request),
            "keys": [*LIST_KEYS, ("Enter", "open the selected application")],
            "status": status,
            "statuses": Application.Status.choices,
        }


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[(APPROVE, "Approve"), (REJECT, "Reject")])
    note = forms.CharField(max_length=1000, required=False)

    def clean_note(self) -> str:
        note: str = self.cleaned_data["note"].strip()
        if has_forbidden(note.replace("\r\n", "\n")):
            raise forms.ValidationError("Control characters and bidirectional overrides are not allowed.")
        return note


class ApplicationPage(ModerationView):
    """An application. Opening it claims it if nobody else has. A decision leads to the next one."""

    title = "Application"
    template_name = "console/application.html"

    def get(self, request: HttpRequest, application_id: UUID) -> HttpResponse:
        application = self._find(application_id)
        is_pending = self._is_pending(application)
        mine = is_pending and claims.take(registration.target_of(application), by=self.moderator)
        holder = claims.holders([application.user_id]).get(application.user_id)
        return self.render(
            title=f"Application of {application.user}",
            application=application,
            email=permissions.masked_email(application.user.email),
            is_pending=is_pending,
            mine=mine,
            holder=holder,
            keys=[("a", "approve"), ("r", "reject; give a reason first"), ("q", "all applications; releases this one")],
        )

    def post(self, request: HttpRequest, application_id: UUID) -> HttpResponse:
        application, form = self._find(application_id), DecisionForm(request.POST)
        here = reverse("admin:moderation_application", args=[application_id])
        if not form.is_valid():
            messages.error(request, f"Nothing was decided: {form.errors.as_text()}")
            return redirect(here)
        approve, note = form.cleaned_data["decision"] == APPROVE, form.cleaned_data["note"]
        try:
            claims.require_free(registration.target_of(application), by=self.moderator)
            registration.decide_application(application, by=self.moderator, approve=approve, note=note)
        except DomainError as refusal:
            messages.error(request, error_text(refusal))
            return redirect(here)
        outcome = "approved" if approve else "rejected"
        messages.success(request, f"The application of {application.user} is {outcome}. The applicant is notified.")
        following = self._next()
        name = "admin:moderation_application"
        return redirect(reverse(name, args=[following]) if following else reverse("admin:moderation_applications"))

    @staticmethod
    def _find(application_id: UUID) -> Application:
        application = Application.objects.listed().filter(pk=application_id).first()
        if application is None:
            raise Http404
        return application

    @staticmethod
    def _is_pending(application: Application) -> bool:
        return Application.objects.pending().filter(pk=application.pk).exists()

    def _next(self) -> UUID | None:
        """The oldest pending application that no other moderator works on."""
        others = claims.held().exclude(moderator=self.moderator).values("target_id")
        waiting = Application.objects.pending().exclude(user_id__in=others)
        return waiting.order_by("pk").values_list("pk", flat=True).first()


class ReleaseApplicationView(ModerationView):
    title = "Release"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, application_id: UUID) -> HttpResponse:
        application = Application.objects.select_related("user").filter(pk=application_id).first()
        if application:
            claims.release(registration.target_of(application), by=self.moderator)
        return redirect("admin:moderation_applications")
