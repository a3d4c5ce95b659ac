"""The page of a case, and the decisions on it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.errors import DomainError, NotFound
from apps.moderation import notes
from apps.moderation.admin.forms import DecisionForm, ReasonForm
from apps.moderation.admin.photos import Photo, avatar_of, photos_of, thumbnail
from apps.moderation.admin.views import (
    FORM_KEYS,
    KEYS,
    ModerationView,
    action_title,
    case_url,
    error_text,
    show_result,
    text_of,
    title_of,
)
from apps.moderation.cases import claims, effects, proposals, queue, reads
from apps.moderation.models import Category, Decision, ModerationAction, TargetType
from apps.moderation.roles import may_change_rules, outranks


class CaseView(ModerationView):
    """The page of a case. Opening it claims the case if nobody else has. A decision is previewed, then confirmed, and
    leads to the next case."""

    title = "Case"
    template_name = "console/queue/case.html"

    def get(self, request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
        return self._page(find_case(kind, pk), request.GET.get("act", ""))

    def post(self, request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
        case = find_case(kind, pk)
        act = request.POST.get("decision", "")
        if act not in possible(case):
            messages.error(request, "This decision is not possible for this case.")
            return redirect(case_url(f"{kind}/{pk}"))
        form = self._form(case, act, request.POST)
        if not form.is_valid():
            return self._page(case, act, form)
        if request.POST.get("step") != "confirm":
            return self._preview(case, act, form)
        return self._decide(case, act, form)

    @staticmethod
    def _avatar(case: reads.Case) -> Photo | None:
        if isinstance(case.row, User):
            return thumbnail(case.row)
        return avatar_of(case.person, sensitive=getattr(case.row, "author_unpleasant", True))

    @staticmethod
    def _others(case: reads.Case) -> dict[str, int]:
        """The other open reports about the account and its content, by category."""
        return reads.count_other_reports([case.person.pk], than=[case.target.id])

    def _form(self, case: reads.Case, act: str, data: Any = None, *, category: str = "") -> DecisionForm:
        others = self._others(case) if act == Decision.SUSPEND else None
        return DecisionForm(
            act, data, templates=reads.list_templates(act), others=others, initial={"category": category}
        )

    def _page(self, case: reads.Case, act: str, form: DecisionForm | None = None) -> HttpResponse:
        reports = reads.list_reports(case.target)
        total = reports[0].total if reports else 0
        context = reads.get_context(case.target, moderator_id=self.moderator.pk)
        acts = offered(case, has_reports=total > 0)
        if form is None and act in acts:
            form = self._form(case, act, category=context.category or "")
        # The moderator's own case, too: users do not outrank themselves.
        forbidden = not outranks(self.moderator, case.person)
        mine = not forbidden and self._claim(case, context)
        return self.render(
            case=case,
            context=context,
            reports=reports,
            total=total,
            act=act if form else "",
            form=form,
            acts=[(name, label, KEYS[name]) for name, label in acts.items()],
            keys=[
                *(("j", "next case"), ("k", "previous case"), ("q", "the queue; releases the case")),
                *((KEYS[name], label) for name, label in acts.items()),
                ("n", "write a team note"),
                *FORM_KEYS,
            ],
            others=sum(self._others(case).values()) if context.proposal_id else 0,
            proposal_category=Category(context.proposal_category).label if context.proposal_category else "",
            in_force=[] if total else reads.list_measures_in_force(case.target),
            forbidden=forbidden,
            # Reporters are confidential, also before a moderator who was reported.
            own=case.person.pk == self.moderator.pk,
            mine=mine,
            held=bool(context.holder_id) and not mine and context.holder_id != self.moderator.pk,
            photos=photos_of(case.row) if case.post else [],
            earlier=list(reversed(getattr(case.row, "earlier", []))),
            avatar=self._avatar(case),
            may_ban=may_change_rules(self.moderator),
            history=reads.list_past_actions(case.person.pk),
            may_note=not forbidden,
            team_notes=notes.list_about(case.person.pk, by=self.moderator),
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
        effect = effects.preview([case.target], act, until=form.until, close_others=form.closes_others)
        return self.render(
            "console/queue/preview.html",
            case=case,
            act=act,
            title=title_of(act, case, reports=effect.flags, until=form.until, proposes=effect.proposes),
            form=form,
            fields=_submitted_fields(self.request),
            effect=effect,
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
        if form.closes_others and done.action:
            show_result(self.request, queue.close_other_reports(done.action, by=self.moderator))
            following = reads.get_context(case.target, moderator_id=self.moderator.pk).most_severe
        return redirect(case_url(following) if following else reverse("admin:moderation_flag_queue"))


def possible(case: reads.Case) -> list[str]:
    """The decisions that are possible: accounts and deleted targets cannot be taken down, and only posts can be marked
    and limited."""
    impossible = set()
    if case.row is None or case.target.type == TargetType.USER:
        impossible.add(Decision.TAKE_DOWN)
    if not isinstance(case.row, Post):
        impossible |= {Decision.MARK_SENSITIVE, Decision.LIMIT_POST}
    return [act for act in KEYS if act not in impossible]


def offered(case: reads.Case, *, has_reports: bool) -> dict[str, str]:
    """The possible decisions that would change something, with their labels."""
    takes_measures = case.person.state not in {User.State.PENDING, User.State.LEAVING, User.State.ERASED}
    is_hidden = getattr(case.row, "taken_down_at", None) is not None
    useless = {
        Decision.TAKE_DOWN: is_hidden,
        Decision.SUSPEND: not takes_measures,
        Decision.MARK_SENSITIVE: is_hidden or getattr(case.row, "marked_sensitive", False),
        Decision.LIMIT_POST: is_hidden or getattr(case.row, "reach_limited", False),
        Decision.LIMIT_ACCOUNT: case.person.reach_limited or case.person.state == User.State.ERASED,
        Decision.WARN: not takes_measures,
        Decision.DISMISS: not has_reports,
        Decision.RESOLVE: not has_reports,
    }
    labels = {act: Decision(act).label for act in possible(case) if not useless[Decision(act)]}
    if Decision.SUSPEND in labels and case.person.state == User.State.SUSPENDED:
        labels[Decision.SUSPEND] = "Change the suspension"
    return labels


def find_case(kind: str, pk: UUID) -> reads.Case:
    try:
        return reads.find(kind, pk)
    except NotFound as refusal:
        raise Http404 from refusal


def _submitted_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields that the confirmation repeats."""
    names = ["decision", "template", "reason", "category", "rule", "duration", "close_others", "reported"]
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
                suspension = proposals.confirm(proposal, by=self.moderator, note=note)
                messages.success(request, f"{proposal.person} is permanently suspended.")
                if request.POST.get("close_others"):
                    show_result(request, queue.close_other_reports(suspension, by=self.moderator))
            else:
                proposals.reject(proposal, by=self.moderator, note=note)
                messages.success(request, "Rejected. The case stays open.")
        except DomainError as refusal:
            messages.error(request, error_text(refusal))
        return redirect(case_url(f"{proposal.target_type}/{proposal.target_id}"))


class UndoView(ModerationView):
    """An action of the audit. A measure in force can be undone: first a preview, then the decision."""

    title = "Decision"
    template_name = "console/queue/undo.html"

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self._page(self._action(pk), ReasonForm())

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        action, form = self._action(pk), ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(action, form)
        if request.POST.get("step") != "confirm":
            return self._page(action, form, "console/queue/undo_preview.html")
        try:
            queue.undo(action, by=self.moderator, reason=form.cleaned_data["reason"])
            messages.success(request, "Undone. The affected user is notified.")
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        return redirect("admin:moderation_moderationaction_undo", pk=pk)

    def _action(self, pk: UUID) -> ModerationAction:
        action = ModerationAction.objects.with_outcome().with_reports_closed().filter(pk=pk).first()
        if action is None:
            raise Http404
        return action

    def _page(self, action: ModerationAction, form: ReasonForm, template: str = "") -> HttpResponse:
        target = reads.find_targets([action]).get(action.target_id)
        person = target if isinstance(target, User) else getattr(target, "author", None)
        title = action_title(action, person)
        return self.render(
            template,
            title=f"Undo: {title}" if template else title,
            action=action,
            person=person,
            photo=thumbnail(target),
            text=text_of(target),
            form=form,
            effect=effects.preview_undo(action) if action.can_be_undone else None,
            back=case_url(f"{action.target_type}/{action.target_id}"),
        )
