"""Bulk decisions on cases."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.utils import timezone

from apps.core.db.ids import first_id_at, parse_id
from apps.core.errors import DomainError
from apps.moderation import services
from apps.moderation.admin.cases import find_case
from apps.moderation.admin.forms import DecisionForm
from apps.moderation.admin.views import KEYS, ModerationView, show_result
from apps.moderation.cases import effects, queue, reads
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Decision, TargetType

# The periods that the page of recent posts offers.
DAYS = [1, 7, 30, 365]


class SweepView(ModerationView):
    """A bulk decision: a preview of its effect, then the decision on exactly the cases that were previewed."""

    title = "Bulk decision"
    template_name = "console/queue/sweep.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """After signing in again, no cases are selected any more."""
        return redirect("admin:moderation_flag_queue")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        targets = _targets(request.POST.getlist("target"))
        act = request.POST.get("decision", "")
        if not targets or act not in KEYS:
            messages.error(request, "Select cases and a decision.")
            return redirect("admin:moderation_flag_queue")
        people = {target.person_id for target in targets}
        form = DecisionForm(
            act,
            request.POST if request.POST.get("step") else None,
            templates=reads.list_templates(act),
            others=reads.count_other_reports(people, than=[target.id for target in targets]),
            accounts=len(people),
        )
        if request.POST.get("step") != "confirm" or not form.is_valid():
            return self._preview(targets, act, form)
        try:
            sweep = queue.decide_many(
                targets, by=self.moderator, decision=act, close_others=form.closes_others, **form.arguments
            )
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            return self._preview(targets, act, form)
        show_result(request, sweep)
        return redirect("admin:moderation_flag_queue")

    def _preview(self, targets: list[Target], act: str, form: DecisionForm) -> HttpResponse:
        until = form.until if form.is_bound and form.is_valid() else timezone.now() + timedelta(days=1)
        shown = targets[: queue.MAX_AT_ONCE]
        label = Decision(act).label
        return self.render(
            title=f"{label}: {len(shown)} case{pluralize(len(shown))}",
            targets=shown,
            people=reads.list_handles({target.person_id for target in shown}),
            left=max(len(targets) - queue.MAX_AT_ONCE, 0),
            act=act,
            label=label,
            form=form,
            effect=effects.preview(shown, act, until=until),
            permanent_is_proposed=act == Decision.SUSPEND and services.needs_second_moderator(None),
            max_at_once=queue.MAX_AT_ONCE,
        )


def _targets(paths: list[str]) -> list[Target]:
    """The targets named as type/id, each once. Those that neither exist nor are reported are left out."""
    asked = dict.fromkeys(tuple(path.split("/", 1)) for path in paths if path.count("/") == 1)
    known = [(kind, parse_id(pk)) for kind, pk in asked if kind in TargetType.values]
    return reads.find_owned_targets([(kind, pk) for kind, pk in known if pk])


class AuthorView(ModerationView):
    """The recent posts and comments of a user, to take them all down."""

    title = "Recent posts"
    template_name = "console/queue/author.html"

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        person = find_case(TargetType.USER, pk).person
        days = int(text) if (text := request.GET.get("days", "7")) in map(str, DAYS) else 7
        since = first_id_at(timezone.now() - timedelta(days=days))
        targets = reads.list_recent_posts(person.pk, since=since, limit=queue.MAX_AT_ONCE + 1)
        shown = targets[: queue.MAX_AT_ONCE]
        return self.render(
            person=person,
            days=days,
            choices=DAYS,
            targets=shown,
            more=len(targets) > queue.MAX_AT_ONCE,
            max_at_once=queue.MAX_AT_ONCE,
            effect=effects.preview(shown, Decision.TAKE_DOWN),
        )
