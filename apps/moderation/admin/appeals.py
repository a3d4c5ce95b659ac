"""Appeals beside the first decision, and the decision on them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.errors import DomainError
from apps.core.validators import validate_text
from apps.moderation import services
from apps.moderation.admin.pages import ConsolePage, Slice, current_user
from apps.moderation.admin.photos import Photo, Target, photos_of, thumbnail
from apps.moderation.admin.views import FORM_KEYS, LIST_KEYS, ModerationView, action_title, text_of
from apps.moderation.appeals import objections
from apps.moderation.cases import effects, reads
from apps.moderation.models import Appeal, Flag

PER_PAGE = 10
# The page of the post shows all photos.
PHOTOS = 4


UPHOLD, OVERTURN = "uphold", "overturn"


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[(UPHOLD, "Uphold"), (OVERTURN, "Overturn")])
    note = forms.CharField(max_length=1000, validators=[validate_text])


@dataclass(frozen=True)
class Case:
    """An appeal on the page. `person` is the account that the decision is about (None: erased), and `report` the
    dismissed report, if its reporter objects. `refusal` says why the current user cannot decide it."""

    appeal: Appeal
    person: User | None
    report: Flag | None
    title: str
    text: str
    photos: list[Photo]
    post_id: UUID | None
    refusal: str


class AppealsPage(ConsolePage):
    title = "Appeals"
    template_name = "console/appeals.html"

    def get_page_context(self) -> dict[str, Any]:
        status = self.request.GET.get("status", Appeal.Status.OPEN)
        if status not in Appeal.Status.values:
            raise Http404
        by = current_user(self.request)
        rows = Appeal.objects.listed_for(by.pk).with_action().filter(status=status)
        # Open appeals are answered in the order of their arrival.
        page = Slice.of(self.request, rows, PER_PAGE, oldest_first=status == Appeal.Status.OPEN)
        targets = reads.find_targets([appeal.action for appeal in page.rows])
        reports = objections.find_reports(page.rows)
        return {
            "page": page,
            "cases": [
                _case(appeal, by, targets.get(appeal.action.target_id), reports.get(appeal.pk)) for appeal in page.rows
            ],
            "keys": [*LIST_KEYS, ("u", "uphold the decision"), ("o", "overturn it"), *FORM_KEYS],
            "status": status,
            "statuses": Appeal.Status.choices,
        }


class DecideAppealView(ModerationView):
    """Decide an appeal: a preview of the effect, then the decision. POST only."""

    title = "Appeal"
    http_method_names = ["post"]
    template_name = "console/appeal_preview.html"

    def post(self, request: HttpRequest, appeal_id: UUID) -> HttpResponse:
        appeal = Appeal.objects.listed_for(self.moderator.pk).with_action().filter(pk=appeal_id).first()
        if appeal is None:
            raise Http404
        form = DecisionForm(request.POST)
        if not form.is_valid():
            messages.error(request, "Nothing was decided: give a reason, which the appellant sees.")
        elif request.POST.get("step") != "confirm":
            return self._preview(appeal, **form.cleaned_data)
        else:
            self._decide(appeal, **form.cleaned_data)
        return redirect(reverse("admin:moderation_appeals"))

    def _preview(self, appeal: Appeal, *, decision: str, note: str) -> HttpResponse:
        """A moderator who cannot decide the appeal sees why instead."""
        overturn = decision == OVERTURN
        if refusal := _refusal(appeal, self.moderator):
            messages.error(self.request, refusal)
            return redirect(reverse("admin:moderation_appeals"))
        report = objections.find_reports([appeal]).get(appeal.pk)
        title = action_title(appeal.action, report.subject if report else appeal.appellant)
        return self.render(
            by_reporter=objections.is_objection(appeal),
            title=f"{'Overturn' if overturn else 'Uphold'} the {title[:1].lower()}{title[1:]}",
            appeal=appeal,
            decision=decision,
            note=note,
            overturn=overturn,
            effect=effects.preview_undo(appeal.action) if overturn and appeal.action.can_be_undone else None,
        )

    def _decide(self, appeal: Appeal, *, decision: str, note: str) -> None:
        overturn = decision == OVERTURN
        try:
            services.decide_appeal(appeal, by=self.moderator, overturn=overturn, note=note)
        except DomainError as refusal:
            messages.error(self.request, refusal.detail)
            return
        if objections.is_objection(appeal):
            outcome = "open again" if overturn else "still dismissed"
            messages.success(self.request, f"The report is {outcome}. The reporter is notified.")
            return
        outcome = "overturned and undone" if overturn else "upheld"
        messages.success(
            self.request, f"The decision about {appeal.appellant} is {outcome}. The appellant is notified."
        )


# ── Targets ──────────────────────────────────────────────────────────────────────────────────
def _case(appeal: Appeal, by: User, target: Target | None, report: Flag | None) -> Case:
    """`target` is None if it is deleted."""
    shown: list[Photo | None] = []
    if isinstance(target, Post):
        shown = list(photos_of(target)[:PHOTOS])
    elif isinstance(target, User):
        shown = [thumbnail(target)]
    post_id = target.pk if isinstance(target, Post) else getattr(target, "post_id", None)
    person = report.subject if report else None if objections.is_objection(appeal) else appeal.appellant
    return Case(
        appeal=appeal,
        person=person,
        report=report,
        title=action_title(appeal.action, person),
        text="" if isinstance(target, User) else text_of(target),
        photos=[photo for photo in shown if photo],
        post_id=post_id,
        refusal=_refusal(appeal, by),
    )


def _refusal(appeal: Appeal, by: User) -> str:
    """Why the moderator cannot decide the appeal; empty if they can."""
    try:
        services.require_another_decider(appeal, by=by)
    except DomainError as refusal:
        return str(refusal.detail)
    return ""
