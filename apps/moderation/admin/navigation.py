"""The sidebar and the landing page of the console."""

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.models import User
from apps.moderation.admin import pages
from apps.moderation.cases import reads
from apps.moderation.models import SuspensionProposal

LANDING_CASES = 5
QUEUE_PAGES = ("queue/", "case/", "sweep/", "author/")


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
    """Adds the most severe cases and the waiting proposals, for moderators."""
    if may_moderate(request):
        context["cases"] = reads.list_cases(limit=LANDING_CASES)
        context["proposals"] = SuspensionProposal.objects.waiting().select_related("person")[:LANDING_CASES]
    return context


def _list_of(title: str, icon: str, model: str) -> dict[str, Any]:
    """An entry for the list of a model, for users who may view it."""
    app, name = model.split(".")
    link = reverse(f"admin:{app}_{name}_changelist")
    return {
        "title": title,
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
                    "title": "Queue",
                    "icon": "inbox",
                    "link": reverse("admin:moderation_flag_queue"),
                    "active": is_queue_page,
                    "permission": may_moderate,
                },
                _list_of("Proposed suspensions", "group", "moderation.suspensionproposal"),
                _page("Appeals", "gavel", "appeals"),
                _list_of("Reports", "flag", "moderation.flag"),
            ],
        },
        {
            "title": "People & content",
            "separator": True,
            "items": [
                _list_of("People", "person", "accounts.user"),
                _list_of("Posts", "photo_library", "content.post"),
                _list_of("Comments", "comment", "engagement.comment"),
                _list_of("Media", "image", "media.media"),
                _list_of("Sessions", "devices", "accounts.session"),
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
                _list_of("Reason templates", "edit_note", "moderation.reasontemplate"),
                _list_of("Banned images", "hide_image", "safety.blockedimage"),
                _list_of("Blocked words and domains", "block", "safety.blockedterm"),
                _list_of("New account limits", "speed", "safety.newaccountlimit"),
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
                _list_of("Jobs", "checklist", "core.jobrun"),
                _list_of("Outbox", "outbox", "core.queuedtask"),
                _list_of("Dead letters", "unsubscribe", "core.deadletter"),
                _list_of("Erasures", "delete_forever", "accounts.erasure"),
                _list_of("Exports", "download", "accounts.dataexport"),
                _list_of("Pending deletions", "auto_delete", "media.pendingdeletion"),
                _list_of("Withheld handles", "lock_clock", "accounts.withheldhandle"),
            ],
        },
        {
            "title": "Relationships & reactions",
            "separator": True,
            "collapsible": True,
            "items": [
                _list_of("Follows", "group_add", "social.follow"),
                _list_of("Follow requests", "hourglass_empty", "social.followrequest"),
                _list_of("Blocks", "block", "social.block"),
                _list_of("Mutes", "volume_off", "social.mute"),
                _list_of("Likes", "favorite", "engagement.like"),
                _list_of("Saves", "bookmark", "engagement.save"),
                _list_of("Tags", "tag", "content.tag"),
                _list_of("Notifications", "notifications", "notifications.notification"),
                _list_of("Deliveries", "outgoing_mail", "notifications.delivery"),
            ],
        },
    ]
