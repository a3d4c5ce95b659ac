"""Reports of members with their outcome, and appeals of those whom a decision affects."""

from collections.abc import Callable, Sequence
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.accounts.models import User
from apps.content.api.posts import find_post
from apps.content.models import Post
from apps.core.api import throttling
from apps.core.db.ids import parse_id
from apps.core.errors import NotFound
from apps.engagement.api.comments import find_comment
from apps.engagement.models import Comment
from apps.moderation import reporters, services
from apps.moderation.api.serializers import (
    MakeAppealSerializer,
    MakeFlagSerializer,
    ObjectSerializer,
    serialize_decision,
)
from apps.moderation.api.views import get_link_bucket, get_own_action
from apps.moderation.appeals import objections
from apps.moderation.models import Category, Flag
from apps.moderation.reporters import OwnReport
from apps.site import reads as site
from apps.social.api.profiles import get_user_or_404
from apps.web.forms import form_page
from apps.web.http import member_id, page, read_form, redirect_to_login, render_page, require_form_methods
from apps.web.lists import PEOPLE, paginate_queryset, render_list

_FIND: dict[str, Callable[[HttpRequest, UUID], User | Post | Comment]] = {
    "post": find_post,
    "comment": find_comment,
    "user": lambda request, pk: get_user_or_404(request, str(pk), include_blocked=True),
}


@require_form_methods
@page(members_only=True)
def report(request: HttpRequest) -> HttpResponse:
    """Report a post, a comment or an account (`?type=&id=`). Raises NotFound for what the member may not see."""
    target = _find(request)

    def send() -> HttpResponse:
        throttling.count(request, "flag", str(member_id(request)))
        # Empty: the member names no rule.
        fields = ["category", "note", *(["rule"] if request.POST.get("rule") else [])]
        services.flag(target, by=member_id(request), **read_form(request, MakeFlagSerializer, fields=fields))
        return render_page(request, "web/report.html", {"is_sent": True})

    # Not named "type": the form sends it back as part of its address.
    context = {"kind": request.GET["type"], "categories": Category.choices, "rules": site.rules()}
    values = {"category": "", "rule": "", "note": ""}
    return form_page(request, "web/report.html", send, values=values, context=context)


@require_safe
@page(members_only=True)
def own_reports(request: HttpRequest) -> HttpResponse:
    """The reports of the current user, newest first."""
    reporter_id = member_id(request)
    reports = paginate_queryset(
        request,
        "reports",
        Flag.objects.made_by(reporter_id),
        serialize=lambda rows: _describe(rows, reporter_id),
        limit=PEOPLE,
    )
    return render_list(
        request, reports, template="web/reports.html", part="web/parts/reports.html", context={"reports": reports}
    )


@require_form_methods
@page(members_only=True)
def own_report(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """The outcome of a report, and the form to object to its dismissal. Raises NotFound for the reports of others."""
    flag = Flag.objects.made_by(member_id(request)).filter(pk=report_id).first()
    if flag is None:
        raise NotFound

    def send() -> HttpResponse:
        throttling.count(request, "flag", str(member_id(request)))
        text = read_form(request, ObjectSerializer, fields=["text"])["text"]
        objections.object_to(flag, by=member_id(request), text=text)
        messages.success(request, _("Your objection was received."))
        return redirect(request.path)

    [report] = _describe([flag], member_id(request))
    return form_page(request, "web/own_report.html", send, values={"text": ""}, context={"report": report})


def _describe(flags: Sequence[Flag], reporter_id: UUID) -> list[dict[str, Any]]:
    """The reports with `title`, for the templates."""
    return [{"title": _title(report), "details": report} for report in reporters.describe(flags, reporter_id)]


def _title(report: OwnReport) -> str:
    return {
        "user": _("Report of an account"),
        "post": _("Report of a post"),
        "comment": _("Report of a comment"),
    }[report.target_type]


def _find(request: HttpRequest) -> User | Post | Comment:
    find, pk = _FIND.get(request.GET.get("type", "")), parse_id(request.GET.get("id", ""))
    if find is None or pk is None:
        raise NotFound
    return find(request, pk)


@require_form_methods
@page()
def appeal(request: HttpRequest) -> HttpResponse:
    """The statement of reasons for a decision, and the form to appeal, with the link of the mail or signed in."""
    action_id, token = parse_id(request.GET.get("action", "")), request.GET.get("token")
    if action_id is None:
        raise NotFound
    if token is not None:
        scope, caller = get_link_bucket(request, token, action_id)
        throttling.count(request, scope, caller, guards_a_secret=True)
    elif not request.user.is_authenticated:
        return redirect_to_login(request)
    action = get_own_action(request, action_id, token)

    def send() -> HttpResponse:
        text = read_form(request, MakeAppealSerializer, fields=["text"])["text"]
        services.appeal(action, by=cast(UUID, action.affected_id), text=text)
        decided = get_own_action(request, action_id, token)
        return render_page(request, "web/appeal.html", {"decision": serialize_decision(decided)})

    context = {"decision": serialize_decision(action)}
    return form_page(request, "web/appeal.html", send, values={"text": ""}, context=context)
