"""The desk: the queue of cases, a page for each, and what is decided there. The rules are in the verbs (`desk.py`)."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.generic import TemplateView
from unfold.views import UnfoldModelAdminViewMixin

from apps.accounts.models import User
from apps.core.db.ids import first_id_at, parse_id
from apps.core.errors import NotFound, Refusal
from apps.moderation import services
from apps.moderation.admin.forms import DecisionForm, ReasonForm
from apps.moderation.admin.pictures import is_sensitive, pictures, thumbnail
from apps.moderation.cases import claims, proposals
from apps.moderation.cases import queue as desk
from apps.moderation.cases import reads as cases
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Category, Decision, ModerationAction, ReasonTemplate, SuspensionProposal, TargetType
from apps.moderation.roles import may_change_rules

KEYS: dict[str, str] = {Decision.TAKE_DOWN: "t", Decision.DISMISS: "d", Decision.SUSPEND: "s", Decision.RESOLVE: "r"}
DAYS = [1, 7, 30, 365]


class DeskView(UnfoldModelAdminViewMixin, TemplateView):  # type: ignore[misc]  # unfold carries no types
    """A page for moderators. A refusal is told on the page that one came from."""

    permission_required = ()

    def has_permission(self) -> bool:
        return self.moderator.is_moderator

    @property
    def moderator(self) -> User:
        return cast(User, self.request.user)

    def handle_no_permission(self) -> Any:
        raise PermissionDenied

    def render(self, template: str = "", **context: Any) -> HttpResponse:
        self.template_name = template or self.template_name
        return self.render_to_response(self.get_context_data(**context))


def templates_for(decision: str) -> list[ReasonTemplate]:
    return list(ReasonTemplate.objects.filter(action=decision).order_by("title"))


def case_url(place: str, act: str = "") -> str:
    """`place` is type/id."""
    url = reverse("admin:moderation_flag_case", args=place.split("/"))
    return f"{url}?act={act}" if act else url


# ── The queue ────────────────────────────────────────────────────────────────────────────────────────────
class QueueView(DeskView):
    title = "Queue"
    template_name = "console/desk/queue.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        category = request.GET.get("category", "")
        category = category if category in Category.values else ""
        rows = cases.queue(limit=cases.PAGE + 1, after=_after(request.GET.get("after", "")), category=category)
        page, more = rows[: cases.PAGE], rows[cases.PAGE :]
        things = cases.thumbnails(page)
        return self.render(
            rows=[self._shown(row, things.get(row.target_id)) for row in page],
            after=f"{page[-1].severity}:{page[-1].first}" if more else "",
            categories=Category.choices,
            category=category,
            decisions=[(name, Decision(name).label) for name in KEYS],
            most=desk.MOST_AT_ONCE,
        )

    def _shown(self, row: cases.Queued, thing: Any) -> dict[str, Any]:
        return {
            "case": row,
            "place": f"{row.target_type}/{row.target_id}",
            "url": case_url(f"{row.target_type}/{row.target_id}"),
            "picture": thumbnail(thing),
            "sensitive": is_sensitive(thing, row.category),
            "text": _text(thing),
            "gone": thing is None,
            "mine": row.holder_id == self.moderator.pk,
        }


def _text(thing: Any) -> str:
    if isinstance(thing, User):
        return thing.bio
    return str(getattr(thing, "text", "") or getattr(thing, "caption", ""))


def _after(spelled: str) -> tuple[Decimal, UUID] | None:
    """The place of a case in the queue; what is no such place is the beginning."""
    severity, _, first = spelled.partition(":")
    try:
        number, pk = Decimal(severity), parse_id(first)
    except InvalidOperation:
        return None
    return (number, pk) if pk and number.is_finite() else None


# ── A case ───────────────────────────────────────────────────────────────────────────────────────────────
class CaseView(DeskView):
    """Opening it claims it, if it is free. A decision is previewed, then confirmed, and leads to the next case."""

    title = "Case"
    template_name = "console/desk/case.html"

    def get(self, request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
        case = _case(kind, pk)
        act = request.GET.get("act", "")
        form = self._form(act) if act in possible(case) else None
        return self._page(case, act, form)

    def post(self, request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
        case = _case(kind, pk)
        act = request.POST.get("decision", "")
        if act not in possible(case):
            messages.error(request, "That cannot be done to it.")
            return redirect(case_url(f"{kind}/{pk}"))
        form = self._form(act, request.POST)
        if not form.is_valid():
            return self._page(case, act, form)
        if request.POST.get("step") != "confirm":
            return self._preview(case, act, form)
        return self._decide(case, act, form)

    def _form(self, act: str, data: Any = None) -> DecisionForm:
        return DecisionForm(
            act, data, templates=templates_for(act), initial={"category": self.request.GET.get("category", "")}
        )

    def _page(self, case: cases.Case, act: str, form: DecisionForm | None) -> HttpResponse:
        reports, total = cases.reports(case.target)
        standing = cases.standing(case.target, by=self.moderator.pk)
        worst = max((report.category for report in reports), key=lambda name: cases.WEIGHTS[Category(name)], default="")
        if form and not form.is_bound and "category" in form.fields:
            form.initial["category"] = worst
        own = case.person.pk == self.moderator.pk or (standing.is_admins and "admin" not in self.moderator.roles)
        mine = not own and self._claimed(case, standing, bool(total))
        return self.render(
            case=case,
            standing=standing,
            reports=reports,
            total=total,
            act=act if form else "",
            form=form,
            acts=[(name, Decision(name).label, KEYS[name]) for name in possible(case)],
            forbidden=own,
            mine=mine,
            held=bool(standing.holder_id) and not mine and standing.holder_id != self.moderator.pk,
            photos=pictures(case.row) if case.post else [],
            earlier=list(reversed(getattr(case.row, "earlier", []))),
            avatar=thumbnail(case.person),
            sensitive=is_sensitive(case.row, worst),
            may_ban=may_change_rules(self.moderator),
            history=cases.history(case.person.pk),
            own_proposal=standing.proposer_id == self.moderator.pk,
            previous=standing.previous and case_url(standing.previous),
            next=standing.next and case_url(standing.next),
            claim_until=timezone.now() + claims.lifetime() if mine else None,
        )

    def _claimed(self, case: cases.Case, standing: cases.Standing, is_open: bool) -> bool:
        """Whether it is this moderator's now. One's own claim is renewed when half of it is over."""
        if standing.holder_id == self.moderator.pk and standing.held_until:
            if standing.held_until - timezone.now() > claims.lifetime() / 2:
                return True
        elif standing.holder_id or not is_open:
            return False
        return claims.take(case.target, by=self.moderator)

    def _preview(self, case: cases.Case, act: str, form: DecisionForm) -> HttpResponse:
        return self.render(
            "console/desk/preview.html",
            case=case,
            act=act,
            label=Decision(act).label,
            form=form,
            fields=_carried(self.request, case),
            effect=cases.effect([case.target], act, until=form.until),
            until=form.until,
            category=Category(form.cleaned_data["category"]).label if form.cleaned_data.get("category") else "",
            back=case_url(f"{case.target.type}/{case.target.id}", act),
        )

    def _decide(self, case: cases.Case, act: str, form: DecisionForm) -> HttpResponse:
        here = f"{case.target.type}/{case.target.id}"
        standing = cases.standing(case.target, by=self.moderator.pk)
        reported = self.request.POST.get("reported", "") not in {"", "0"}
        try:
            done = desk.decide_case(case.target, by=self.moderator, decision=act, reported=reported, **form.grounds)
        except Refusal as refusal:
            messages.error(self.request, refusal.detail)
            return redirect(case_url(here))
        messages.success(self.request, _told(act, done))
        following = standing.next or standing.best
        return redirect(case_url(following) if following else reverse("admin:moderation_flag_queue"))


def possible(case: cases.Case) -> list[str]:
    """What can be decided of it: an account is not taken down, nor what is gone."""
    takes_down = case.row is not None and case.target.type != TargetType.USER
    return [act for act in KEYS if act != Decision.TAKE_DOWN or takes_down]


def _case(kind: str, pk: UUID) -> cases.Case:
    try:
        return cases.find(kind, pk)
    except NotFound as refusal:
        raise Http404 from refusal


def _carried(request: HttpRequest, case: cases.Case) -> list[tuple[str, str]]:
    """What the confirmation sends again."""
    names = ["decision", "template", "reason", "category", "duration", "reported"]
    return [(name, request.POST[name]) for name in names if name in request.POST]


def _told(act: str, done: desk.Outcome) -> str:
    if done.proposal:
        return "Proposed: another moderator confirms the suspension or rejects it."
    closed = f"{done.closed} report{'' if done.closed == 1 else 's'} closed"
    return f"{Decision(act).label}: done, {closed}." if done.action else f"{closed.capitalize()}."


class ReleaseView(DeskView):
    title = "Release"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
        claims.release(_case(kind, pk).target, by=self.moderator)
        return redirect("admin:moderation_flag_queue")


# ── Many at once ─────────────────────────────────────────────────────────────────────────────────────────
class SweepView(DeskView):
    """The page that counts what a bulk act hits, and the act. What was confirmed is what is hit: the ids are sent."""

    title = "Act on many"
    template_name = "console/desk/sweep.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Where one lands who had to sign in again: nothing is chosen any more."""
        return redirect("admin:moderation_flag_queue")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        targets = _targets(request.POST.getlist("target"))
        act = request.POST.get("decision", "")
        if not targets or act not in KEYS:
            messages.error(request, "Choose cases, and what to do with them.")
            return redirect("admin:moderation_flag_queue")
        form = DecisionForm(act, request.POST if request.POST.get("step") else None, templates=templates_for(act))
        if request.POST.get("step") != "confirm" or not form.is_valid():
            return self._counted(targets, act, form)
        try:
            sweep = desk.decide_many(targets, by=self.moderator, decision=act, **form.grounds)
        except Refusal as refusal:
            messages.error(request, refusal.detail)
            return self._counted(targets, act, form)
        _tell(request, sweep)
        return redirect("admin:moderation_flag_queue")

    def _counted(self, targets: list[Target], act: str, form: DecisionForm) -> HttpResponse:
        until = form.until if form.is_bound and form.is_valid() else timezone.now() + timedelta(days=1)
        return self.render(
            targets=targets[: desk.MOST_AT_ONCE],
            left=max(len(targets) - desk.MOST_AT_ONCE, 0),
            act=act,
            label=Decision(act).label,
            form=form,
            effect=cases.effect(targets[: desk.MOST_AT_ONCE], act, until=until),
            permanent_takes_two=act == Decision.SUSPEND and services.takes_two(None),
            most=desk.MOST_AT_ONCE,
        )


def _targets(places: list[str]) -> list[Target]:
    """Of type/id, each once; whose they are is looked up. What is neither there nor reported is left out."""
    asked = dict.fromkeys(tuple(place.split("/", 1)) for place in places if place.count("/") == 1)
    known = [(kind, parse_id(pk)) for kind, pk in asked if kind in TargetType.values]
    return cases.targets([(kind, pk) for kind, pk in known if pk])


def _tell(request: HttpRequest, sweep: desk.Sweep) -> None:
    """What was done; of refusals the first few, each in its words."""
    if sweep.done:
        messages.success(request, f"{sweep.done} decided, {sweep.closed} reports closed.")
    if sweep.proposed:
        messages.info(request, f"{sweep.proposed} proposed; another moderator confirms.")
    for target, refusal in sweep.refused[:5]:
        messages.error(request, f"{target.type} {target.id}: {refusal.detail}")
    if len(sweep.refused) > 5:
        messages.error(request, f"{len(sweep.refused)} were refused in all.")


class AuthorView(DeskView):
    """All that a person has posted in the last days, to be taken down at once."""

    title = "All of an author"
    template_name = "console/desk/author.html"

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        person = User.objects.filter(pk=pk).first()
        if person is None:
            raise Http404
        days = int(spelled) if (spelled := request.GET.get("days", "7")) in map(str, DAYS) else 7
        since = first_id_at(timezone.now() - timedelta(days=days))
        targets = cases.posted_by(person.pk, since=since, most=desk.MOST_AT_ONCE + 1)
        shown = targets[: desk.MOST_AT_ONCE]
        return self.render(
            person=person,
            days=days,
            choices=DAYS,
            targets=shown,
            more=len(targets) > desk.MOST_AT_ONCE,
            most=desk.MOST_AT_ONCE,
            effect=cases.effect(shown, Decision.TAKE_DOWN),
        )


# ── Four eyes, and undoing ───────────────────────────────────────────────────────────────────────────────
class ProposalView(DeskView):
    """Confirm or reject a suspension for good."""

    title = "Proposal"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        proposal = SuspensionProposal.objects.filter(pk=pk).first()
        if proposal is None:
            raise Http404
        note = request.POST.get("note", "").strip()[:1000]
        try:
            if request.POST.get("verdict") == "confirm":
                proposals.confirm(proposal, by=self.moderator, note=note)
                messages.success(request, "Suspended for good.")
            else:
                proposals.reject(proposal, by=self.moderator, note=note)
                messages.success(request, "Rejected: the case is open as before.")
        except Refusal as refusal:
            messages.error(request, _refused(refusal))
        return redirect(case_url(f"{proposal.target_type}/{proposal.target_id}"))


class UndoView(DeskView):
    """Bring back what an action of the audit has hidden."""

    title = "Undo"
    template_name = "console/desk/undo.html"

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self._page(self._action(pk), ReasonForm())

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        action, form = self._action(pk), ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(action, form)
        try:
            desk.undo(action, by=self.moderator, reason=form.cleaned_data["reason"])
            messages.success(request, "Undone.")
        except Refusal as refusal:
            messages.error(request, refusal.detail)
        return redirect("admin:moderation_moderationaction_undo", pk=pk)

    def _action(self, pk: UUID) -> ModerationAction:
        action = ModerationAction.objects.for_cards().filter(pk=pk).first()
        if action is None:
            raise Http404
        return action

    def _page(self, action: ModerationAction, form: ReasonForm) -> HttpResponse:
        can_be_undone = action.reversed_at is None and action.action in {"takedown", "suspend"}
        place = f"{action.target_type}/{action.target_id}"
        return self.render(action=action, form=form, can_be_undone=can_be_undone, back=case_url(place))


def _refused(refusal: Refusal) -> str:
    """With what is wrong with the fields, if that is it."""
    return " ".join(error["message"] for error in refusal.extra.get("errors", [])) or refusal.detail


# ── Where they are ───────────────────────────────────────────────────────────────────────────────────────
class DeskPages:
    """The desk's paths, below those of the reports."""

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
