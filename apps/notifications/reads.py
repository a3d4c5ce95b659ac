"""The list of notifications."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from apps.accounts.reads import UserSummary
from apps.core.db.compiled import CompiledQuery
from apps.core.db.queries import fetch, fetch_rows, load
from apps.core.errors import NotFound
from apps.moderation.reporters import find_report_ids
from apps.notifications.models import Notification, NotificationEvent, Type
from apps.notifications.querysets import NotificationQuerySet

VISIBLE_EVENTS = CompiledQuery(lambda viewer: NotificationEvent.objects.visible_to(viewer))
_READABLE_ONE = CompiledQuery(
    lambda viewer, notification: Notification.objects.listed_for(viewer).filter(pk=notification)
)


@dataclass(frozen=True)
class NotificationRow:
    """A notification as the API shows it. `actor_ids` are the three newest of `actor_count` actors."""

    id: UUID
    latest: UUID
    type: str
    post_id: UUID | None
    comment_id: UUID | None
    statement: str
    read_at: datetime | None
    created_at: datetime
    updated_at: datetime
    caption: str | None
    comment_text: str | None
    actor_count: int
    actor_ids: list[UUID] | None


def list_notifications(
    viewer_id: UUID, *, unread: bool = False, type_: str | None = None, after: UUID | None = None, limit: int
) -> list[NotificationRow]:
    """Notifications that the viewer may read, latest first, after the position `after` (a row's `latest`)."""
    return _fetch(readable(unread, type_).sql(viewer=viewer_id), viewer=viewer_id, after=after, limit=limit)


def get_notification(viewer_id: UUID, notification_id: UUID) -> NotificationRow:
    """Raises NotFound."""
    only = _READABLE_ONE.sql(viewer=viewer_id, notification=notification_id)
    rows = _fetch(only, viewer=viewer_id, notification=notification_id, after=None, limit=1)
    if not rows:
        raise NotFound
    return rows[0]


def get_actors(rows: Sequence[NotificationRow]) -> dict[UUID, UserSummary]:
    """The actors of the rows by id."""
    ids = {pk for row in rows for pk in row.actor_ids or []}
    # One statement with a kept plan, whatever the number of ids; `filter(pk__in=ids)` is another for each number.
    return {row[0]: UserSummary(*row) for row in fetch_rows(load("notifications/actors"), {"ids": list(ids)})}


def get_moderation_actions(notification_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """{notification: the moderation action that it is about}."""
    return _get_causes(notification_ids, Type.MODERATION)


def get_reports(notification_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """{notification: the report of the recipient that it is about}."""
    causes = _get_causes(notification_ids, Type.REPORT)
    reports = find_report_ids(causes.values())
    return {pk: reports[cause] for pk, cause in causes.items()}


def _get_causes(notification_ids: Sequence[UUID], type_: str) -> dict[UUID, UUID]:
    events = NotificationEvent.objects.filter(notification__in=notification_ids, notification__type=type_)
    return dict(events.values_list("notification", "cause"))


def count_unread(viewer_id: UUID) -> int:
    """How many unread notifications the viewer may read, counted up to 1000."""
    sql = load("notifications/unread_count", unread=readable(True, None).sql(viewer=viewer_id))
    [(number,)] = fetch_rows(sql, {"viewer": viewer_id})
    return int(number)


def _fetch(readable_sql: str, *, viewer: UUID, **parameters: Any) -> list[NotificationRow]:
    sql = load("notifications/notifications", readable=readable_sql, events=VISIBLE_EVENTS.sql(viewer=viewer))
    return fetch(NotificationRow, sql, viewer=viewer, **parameters)


@cache
def readable(unread: bool, type_: str | None) -> CompiledQuery:
    """A statement for each choice of filters: with a parameter that may be absent, PostgreSQL's kept plan could not use
    the partial index of unread notifications, nor the index by type."""

    def build(viewer: UUID) -> NotificationQuerySet:
        notifications = Notification.objects.listed_for(viewer)
        notifications = notifications.unread() if unread else notifications
        return notifications.filter(type=type_) if type_ else notifications

    return CompiledQuery(build)
