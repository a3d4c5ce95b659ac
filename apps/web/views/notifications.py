"""Notifications of the signed-in member."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from apps.core.db.ids import parse_id
from apps.core.errors import NotFound
from apps.notifications import reads, services
from apps.notifications.models import Notification, NotificationEvent
from apps.web.http import go, go_back, member_id, page
from apps.web.lists import ListPage, paginate, render_list
from apps.web.notifications import find_subjects, get_path, present_notifications

NOTIFICATIONS = 30


@require_safe
@page(members_only=True)
def notification_list(request: HttpRequest) -> HttpResponse:
    """Notifications, latest first. `?unread=true`: only unread ones."""
    only_unread = request.GET.get("unread") == "true"
    notifications = _notifications(request, only_unread=only_unread)
    context = {"notifications": notifications, "only_unread": only_unread}
    return render_list(
        request, notifications, template="web/notifications.html", part="web/parts/notifications.html", context=context
    )


def _notifications(request: HttpRequest, *, only_unread: bool) -> ListPage:
    viewer_id = member_id(request)
    return paginate(
        request,
        "notifications",
        lambda after, limit: reads.list_notifications(viewer_id, unread=only_unread, after=after, limit=limit),
        position=lambda row: row.latest,
        serialize=lambda rows: present_notifications(rows, viewer_id),
        limit=NOTIFICATIONS,
        filters={"unread": "true" if only_unread else ""},
    )


@require_POST
@page(members_only=True)
def mark_as_read(request: HttpRequest) -> HttpResponse:
    """Mark as read the notification `up_to`, which the form names, and those that follow it in the list."""
    services.read_all(member_id(request), up_to=parse_id(request.POST.get("up_to", "")))
    return go_back(request, "/notifications")


@require_safe
@page(members_only=True)
def open_notification(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    """To the page that a notification leads to: the address of a push message. Raises NotFound.

    The notification is read then. This is no harm for a request that is safe otherwise: only the recipient can do it.
    """
    viewer_id = member_id(request)
    notification = Notification.objects.readable_by(viewer_id).filter(pk=notification_id).first()
    if notification is None:
        raise NotFound
    services.read(notification)
    events = NotificationEvent.objects.visible_to(viewer_id).filter(notification=notification).order_by("-id")
    path = get_path(
        notification.type,
        post_id=notification.post_id,
        comment_id=notification.comment_id,
        handles=list(events.values_list("actor__handle", flat=True)[:1]),
        subject_id=find_subjects([(notification.pk, notification.type)]).get(notification.pk),
    )
    return go(request, path or "/notifications")
