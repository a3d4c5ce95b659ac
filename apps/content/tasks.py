"""Celery tasks: take ids, make one call."""

from uuid import UUID

from celery import shared_task

from apps.content import exposure, publication, repair, sensitivity
from apps.core.db.batches import BatchRunner
from apps.core.tasks.scheduled import scheduled


@shared_task
def settle_post_with(*, media_id: str, **_: object) -> None:
    publication.settle_post_with(UUID(media_id))


@shared_task
def settle_post(*, post_id: str, **_: object) -> None:
    publication.settle(UUID(post_id))


@scheduled
def settle_waiting_posts(**_: object) -> int:
    return publication.enqueue_due()


@shared_task
def reconcile_post(*, post_id: str, **_: object) -> None:
    exposure.reconcile([UUID(post_id)])


@shared_task
def reconcile_account(*, user_id: str, **_: object) -> None:
    exposure.reconcile_account(UUID(user_id))


@scheduled
def reconcile_waiting_accounts(**_: object) -> int:
    return exposure.enqueue_due()


@shared_task
def settle_tag(*, tag_id: str, **_: object) -> None:
    sensitivity.settle_tag(UUID(tag_id))


@scheduled
def repair_fields(*, runner: BatchRunner, **_: object) -> int:
    return repair.repair_fields(runner)
