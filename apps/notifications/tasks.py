"""Celery tasks: take ids, call one function."""

from uuid import UUID

from celery import shared_task

from apps.core.db.batches import BatchRunner
from apps.core.tasks.scheduled import former_name, scheduled
from apps.notifications import deliveries, housekeeping, sync


@shared_task
def sync_like_notification(*, post_id: str, actor_id: str, **_: object) -> None:
    sync.sync_like_notification(UUID(post_id), UUID(actor_id))


@shared_task
def sync_comment_like_notification(*, comment_id: str, actor_id: str, **_: object) -> None:
    sync.sync_comment_like_notification(UUID(comment_id), UUID(actor_id))


@shared_task
def sync_follow_notification(*, follower_id: str, followed_id: str, accepted: bool = False, **_: object) -> None:
    sync.sync_follow_notification(UUID(follower_id), UUID(followed_id), accepted=accepted)


@shared_task
def sync_follow_request_notification(*, requester_id: str, target_id: str, **_: object) -> None:
    sync.sync_follow_request_notification(UUID(requester_id), UUID(target_id))


@shared_task
def sync_mention_notifications(*, post_id: str, **_: object) -> None:
    sync.sync_mention_notifications(UUID(post_id))


@shared_task
def sync_comment_notifications(*, comment_id: str, **_: object) -> None:
    sync.sync_comment_notifications(UUID(comment_id))


@shared_task
def remove_notifications_between(*, blocker_id: str, blocked_id: str, **_: object) -> None:
    sync.remove_notifications_between(UUID(blocker_id), UUID(blocked_id))


@shared_task
def create_moderation_notification(*, action_id: str, **_: object) -> None:
    sync.create_moderation_notification(UUID(action_id))


@shared_task
def create_report_notification(*, cause: str, **_: object) -> None:
    sync.create_report_notification(UUID(cause))


@shared_task
def deliver(*, delivery_id: str, **_: object) -> None:
    deliveries.deliver(UUID(delivery_id))


@scheduled
def enqueue_due_deliveries(**_: object) -> int:
    return deliveries.enqueue_due()


@scheduled
def purge_old_notifications(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_old_notifications(runner)


@scheduled
def purge_settled_deliveries(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_settled_deliveries(runner)


# ── Names of the previous release, for tasks that it has enqueued. Remove them with the next release. ────
former_name("apps.notifications.tasks.tell_of_like", sync_like_notification)
former_name("apps.notifications.tasks.tell_of_comment_like", sync_comment_like_notification)
former_name("apps.notifications.tasks.tell_of_follow", sync_follow_notification)
former_name("apps.notifications.tasks.tell_of_follow_request", sync_follow_request_notification)
former_name("apps.notifications.tasks.tell_of_mentions", sync_mention_notifications)
former_name("apps.notifications.tasks.tell_of_comment", sync_comment_notifications)
former_name("apps.notifications.tasks.forget_across_block", remove_notifications_between)
former_name("apps.notifications.tasks.tell_of_moderation", create_moderation_notification)
former_name("apps.notifications.tasks.ring_again", enqueue_due_deliveries)
