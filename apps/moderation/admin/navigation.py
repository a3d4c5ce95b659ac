"""The sidebar and the landing page of the console."""

from collections.abc import Callable
from typing import Any, cast

from django.apps import apps
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

from apps.accounts.models import Application, User
from apps.moderation.admin import pages
from apps.moderation.cases import reads
from apps.moderation.console.profiles import COUNTED, bounded_count
from apps.moderation.models import Appeal, Flag, ModerationAction, OpenCase, SuspensionProposal
from apps.moderation.transparency import statistics
from apps.site import reads as site

LANDING_ROWS = 5
QUEUE_PAGES = ("queue/", "case/", "sweep/", "author/")


def site_title(request: HttpRequest) -> str:
    """The name of the site, in the title and the header of the console."""
    return site.current().name


def may_moderate(request: HttpRequest) -> bool:
    return _staff(request) and cast(User, request.user).is_moderator


def is_queue_page(request: HttpRequest) -> bool:
    """Whether the page belongs to the queue."""
    return request.path.startswith(tuple(reverse("admin:moderation_flag_changelist") + part for part in QUEUE_PAGES))


def may_operate(request: HttpRequest) -> bool:
    return _staff(request) and "admin" in cast(User, request.user).roles


def _staff(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_staff


def landing(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds the desk of a moderator: their case, the most severe cases, appeals, proposals and numbers."""
    context["title"] = "Start"
    if not may_moderate(request):
        return context
    by = cast(User, request.user)
    appeals = Appeal.objects.decidable_by(by.pk).select_related("appellant", "action")
    return context | {
        "mine": reads.list_claimed_cases(by.pk),
        "cases": reads.list_cases(limit=LANDING_ROWS),
        "appeals": appeals.order_by("pk")[:LANDING_ROWS],
        "proposals": SuspensionProposal.objects.waiting().select_related("person")[:LANDING_ROWS],
        "numbers": _numbers(by),
        "counted": COUNTED,
    }


def _numbers(by: User) -> dict[str, int]:
    """By name, each counted up to COUNTED, in one query."""
    today = statistics.Period.of_days(1)
    decided = ModerationAction.objects.filter(actor=by, pk__gte=today.first_id, part_of_id=None)
    rows: dict[str, QuerySet[Any]] = {
        "Open cases": OpenCase.objects.all(),
        "Open reports": Flag.objects.open(),
        "Open appeals": Appeal.objects.listed_for(by.pk).open(),
        "Applications": Application.objects.pending(),
        "Your decisions today": decided,
    }
    counted = User.objects.filter(pk=by.pk).values_list(*(bounded_count(row) for row in rows.values()))
    return dict(zip(rows, counted.get(), strict=True))


def _list_of(icon: str, label: str) -> dict[str, Any]:
    """An entry for the list of a model, for users who may view it. It has the name of the model."""
    app, name = label.split(".")
    link = reverse(f"admin:{app}_{name}_changelist")
    return {
        "title": capfirst(apps.get_model(label)._meta.verbose_name_plural),
        "icon": icon,
        "link": link,
        # Pages below it have entries of their own.
        "active": lambda request: request.path == str(link),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
    }


def _page(title: str, icon: str, name: str, permission: Callable[[HttpRequest], bool] = may_moderate) -> dict[str, Any]:
    """An entry for a page of moderation."""
    return {"title": title, "icon": icon, "link": reverse(f"admin:moderation_{name}"), "permission": permission}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """All entries. Unfold leaves out those without permission."""
    return [
        {
            "title": "Moderation",
            "items": [
                {
                    "title": "Start",
                    "icon": "home",
                    "link": reverse("admin:index"),
                    "active": lambda request: request.path == reverse("admin:index"),
                    "permission": _staff,
                },
                {
                    "title": "Queue",
                    "icon": "inbox",
                    "link": reverse("admin:moderation_flag_queue"),
                    "active": is_queue_page,
                    "permission": may_moderate,
                },
                _list_of("group", "moderation.suspensionproposal"),
                _page("Appeals", "gavel", "appeals"),
                _page("Applications", "how_to_reg", "applications"),
                _list_of("flag", "moderation.flag"),
                _page("Hashtags", "tag", "tags"),
                _page("Mail about new reports", "mail", "digest"),
            ],
        },
        {
            "title": "People & content",
            "separator": True,
            "items": [
                _list_of("person", "accounts.user"),
                _list_of("photo_library", "content.post"),
                _list_of("comment", "engagement.comment"),
                _list_of("image", "media.media"),
                _list_of("devices", "accounts.session"),
            ],
        },
        {
            "title": "Statistics",
            "separator": True,
            "items": [
                _page("Dashboard", "monitoring", "dashboard"),
                _page("Search", "search", "search"),
                _page("Audit", "history", "audit"),
                _page("Workload", "groups", "workload", pages.may_oversee),
                _page("Transparency report", "summarize", "transparency"),
            ],
        },
        {
            "title": "Rules",
            "separator": True,
            "items": [
                _list_of("edit_note", "moderation.reasontemplate"),
                _list_of("hide_image", "safety.blockedimage"),
                _list_of("block", "safety.blockedterm"),
                _list_of("speed", "safety.newaccountlimit"),
                _list_of("alternate_email", "accounts.emaildomain"),
                _list_of("mail", "accounts.invitation"),
            ],
        },
        {
            "title": "Site",
            "separator": True,
            "items": [
                _list_of("settings", "site.sitesettings"),
                _list_of("rule", "site.rule"),
                _list_of("contract", "site.documentversion"),
                _list_of("campaign", "site.announcement"),
            ],
        },
        {
            "title": "Operations",
            "separator": True,
            "collapsible": True,
            "items": [
                {
                    "title": "Schedule",
                    "icon": "schedule",
                    "link": reverse("admin:django_celery_beat_periodictask_changelist"),
                    "permission": may_operate,
                },
                {
                    "title": "Intervals",
                    "icon": "timer",
                    "link": reverse("admin:django_celery_beat_intervalschedule_changelist"),
                    "permission": may_operate,
                },
                _list_of("checklist", "core.jobrun"),
                _list_of("outbox", "core.queuedtask"),
                _list_of("unsubscribe", "core.deadletter"),
                _list_of("delete_forever", "accounts.erasure"),
                _list_of("download", "accounts.dataexport"),
                _list_of("auto_delete", "media.pendingdeletion"),
                _list_of("lock_clock", "accounts.withheldhandle"),
            ],
        },
        {
            "title": "Relationships & reactions",
            "separator": True,
            "collapsible": True,
            "items": [
                _list_of("group_add", "social.follow"),
                _list_of("hourglass_empty", "social.followrequest"),
                _list_of("block", "social.block"),
                _list_of("volume_off", "social.mute"),
                _list_of("favorite", "engagement.like"),
                _list_of("bookmark", "engagement.save"),
                _list_of("tag", "content.tag"),
                _list_of("notifications", "notifications.notification"),
                _list_of("outgoing_mail", "notifications.delivery"),
            ],
        },
    ]
