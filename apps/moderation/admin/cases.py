"""The page of a case, and the decisions on it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from apps.core.errors import DomainError, NotFound
from apps.moderation.admin.forms import DecisionForm, ReasonForm
from apps.moderation.admin.pictures import is_sensitive, pictures, thumbnail
from apps.moderation.admin.views import KEYS, ModerationView, case_url, error_text
from apps.moderation.cases import claims, effects, proposals, queue, reads
from apps.moderation.models import Category, Decision, ModerationAction, TargetType
from apps.moderation.roles import may_change_rules, outranks


class CaseView(ModerationView):
    """The page of a case. Opening it claims the case if nobody else has. A decision is previewed, then confirmed, and
    leads to the next case."""

    title = "Case"
    template_name = "console/queue/case.html"

    def get(self, request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
        case = find_case(kind, pk)
        act = request.GET.get("act", "")
        form = self._form(act) if act in possible(case) else None
        return self._page(case, act, form)

    def post(self, request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
        case = find_case(kind, pk)
        act = request.POST.get("decision", "")
        if act not in possible(case):
            messages.error(request, "This decision is not possible for this case.")
            return redirect(case_url(f"{kind}/{pk}"))
        form = self._form(act, request.POST)
        if not form.is_valid():
            return self._page(case, act, form)
        if request.POST.get("step") != "confirm":
            return self._preview(case, act, form)
        return self._decide(case, act, form)

    def _form(self, act: str, data: Any = None) -> DecisionForm:
        return DecisionForm(
            act, data, templates=reads.list_templates(act), initial={"category": self.request.GET.get("category", "")}
        )

    def _page(self, case: reads.Case, act: str, form: DecisionForm | None) -> HttpResponse:
        reports = reads.list_reports(case.target)
        total = reports[0].total if reports else 0
        context = reads.get_context(case.target, moderator_id=self.moderator.pk)
        category = context.category or ""
        if form and not form.is_bound and "category" in form.fields:
            form.initial["category"] = category
        # Also one's own case: nobody has a higher rank than themselves.
        forbidden = not outranks(self.moderator, case.person)
        mine = not forbidden and self._claim(case, context)
        return self.render(
            case=case,
            context=context,
            reports=reports,
            total=total,
            act=act if form else "",
            form=form,
            acts=[(name, Decision(name).label, KEYS[name]) for name in possible(case)],
            forbidden=forbidden,
            mine=mine,
            held=bool(context.holder_id) and not mine and context.holder_id != self.moderator.pk,
            photos=pictures(case.row) if case.post else [],
            earlier=list(reversed(getattr(case.row, "earlier", []))),
            avatar=thumbnail(case.person),
            sensitive=is_sensitive(case.row, category),
            may_ban=may_change_rules(self.moderator),
            history=reads.list_past_actions(case.person.pk),
            own_proposal=context.proposer_id == self.moderator.pk,
            previous=context.previous and case_url(context.previous),
            next=context.next and case_url(context.next),
            claim_until=timezone.now() + claims.lifetime() if mine else None,
        )

    def _claim(self, case: reads.Case, context: reads.CaseContext) -> bool:
        """Claim an open case. Returns whether this moderator has it. A claim is renewed after half of its lifetime."""
        if context.holder_id == self.moderator.pk and context.held_until:
            if context.held_until - timezone.now() > claims.lifetime() / 2:
                return True
        elif context.holder_id or context.severity is None:
            return False
        return claims.take(case.target, by=self.moderator)

    def _preview(self, case: reads.Case, act: str, form: DecisionForm) -> HttpResponse:
        return self.render(
            "console/queue/preview.html",
            case=case,
            act=act,
            label=Decision(act).label,
            form=form,
            fields=_submitted_fields(self.request),
            effect=effects.preview([case.target], act, until=form.until),
            until=form.until,
            category=Category(form.cleaned_data["category"]).label if form.cleaned_data.get("category") else "",
            back=case_url(f"{case.target.type}/{case.target.id}", act),
        )

    def _decide(self, case: reads.Case, act: str, form: DecisionForm) -> HttpResponse:
        here = f"{case.target.type}/{case.target.id}"
        context = reads.get_context(case.target, moderator_id=self.moderator.pk)
        reported = self.request.POST.get("reported", "") not in {"", "0"}
        try:
            done = queue.decide_case(case.target, by=self.moderator, decision=act, reported=reported, **form.arguments)
        except DomainError as refusal:
            messages.error(self.request, refusal.detail)
            return redirect(case_url(here))
        messages.success(self.request, _result_text(act, done))
        following = context.next or context.most_severe
        return redirect(case_url(following) if following else reverse("admin:moderation_flag_queue"))


def possible(case: reads.Case) -> list[str]:
    """The decisions that are possible: accounts and deleted targets cannot be taken down."""
    takes_down = case.row is not None and case.target.type != TargetType.USER
    return [act for act in KEYS if act != Decision.TAKE_DOWN or takes_down]


def find_case(kind: str, pk: UUID) -> reads.Case:
    try:
        return reads.find(kind, pk)
    except NotFound as refusal:
        raise Http404 from refusal


def _submitted_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields that the confirmation repeats."""
    names = ["decision", "template", "reason", "category", "duration", "reported"]
    return [(name, request.POST[name]) for name in names if name in request.POST]


def _result_text(act: str, done: queue.Outcome) -> str:
    if done.proposal:
        return "Proposed. Another moderator confirms or rejects the suspension."
    closed = f"{done.closed} report{'' if done.closed == 1 else 's'} closed"
    return f"{Decision(act).label}: done, {closed}." if done.action else f"{closed.capitalize()}."


class ReleaseView(ModerationView):
    title = "Release"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
        claims.release(find_case(kind, pk).target, by=self.moderator)
        return redirect("admin:moderation_flag_queue")


# ── Proposals and undoing ────────────────────────────────────────────────────────────────────────────────
class ProposalView(ModerationView):
    """Confirm or reject a proposed suspension."""

    title = "Proposal"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        try:
            proposal = reads.find_proposal(pk)
        except NotFound as refusal:
            raise Http404 from refusal
        note = request.POST.get("note", "").strip()[:1000]
        try:
            if request.POST.get("verdict") == "confirm":
                proposals.confirm(proposal, by=self.moderator, note=note)
                messages.success(request, "Permanently suspended.")
            else:
                proposals.reject(proposal, by=self.moderator, note=note)
                messages.success(request, "Rejected. The case stays open.")
        except DomainError as refusal:
            messages.error(request, error_text(refusal))
        return redirect(case_url(f"{proposal.target_type}/{proposal.target_id}"))


class UndoView(ModerationView):
    """Undo a takedown or a suspension of the audit."""

    title = "Undo"
    template_name = "console/queue/undo.html"

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self._page(self._action(pk), ReasonForm())

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        action, form = self._action(pk), ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(action, form)
        try:
            queue.undo(action, by=self.moderator, reason=form.cleaned_data["reason"])
            messages.success(request, "Undone.")
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        return redirect("admin:moderation_moderationaction_undo", pk=pk)

    def _action(self, pk: UUID) -> ModerationAction:
        action = ModerationAction.objects.with_outcome().filter(pk=pk).first()
        if action is None:
            raise Http404
        return action

    def _page(self, action: ModerationAction, form: ReasonForm) -> HttpResponse:
        return self.render(action=action, form=form, back=case_url(f"{action.target_type}/{action.target_id}"))
