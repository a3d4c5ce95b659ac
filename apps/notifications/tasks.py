"""Doorbells."""

from uuid import UUID

from celery import shared_task

from apps.core.db.batches import BatchRunner
from apps.core.tasks.scheduled import former_name, scheduled
from apps.notifications import deliveries, housekeeping, telling


@shared_task
def tell_of_like(*, post_id: str, actor_id: str, **_: object) -> None:
    telling.of_like(UUID(post_id), UUID(actor_id))


@shared_task
def tell_of_comment_like(*, comment_id: str, actor_id: str, **_: object) -> None:
    telling.of_comment_like(UUID(comment_id), UUID(actor_id))


@shared_task
def tell_of_follow(*, follower_id: str, followed_id: str, accepted: bool = False, **_: object) -> None:
    telling.of_follow(UUID(follower_id), UUID(followed_id), accepted=accepted)


@shared_task
def tell_of_follow_request(*, requester_id: str, target_id: str, **_: object) -> None:
    telling.of_follow_request(UUID(requester_id), UUID(target_id))


@shared_task
def tell_of_mentions(*, post_id: str, **_: object) -> None:
    telling.of_mentions(UUID(post_id))


@shared_task
def tell_of_comment(*, comment_id: str, **_: object) -> None:
    telling.of_comment(UUID(comment_id))


@shared_task
def forget_across_block(*, blocker_id: str, blocked_id: str, **_: object) -> None:
    telling.of_block(UUID(blocker_id), UUID(blocked_id))


@shared_task
def tell_of_moderation(*, action_id: str, **_: object) -> None:
    telling.of_moderation(UUID(action_id))


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


# The name of the release before this one, for what it has queued.
former_name("apps.notifications.tasks.ring_again", enqueue_due_deliveries)
