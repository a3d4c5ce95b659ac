"""Doorbells."""

from uuid import UUID

from celery import shared_task

from apps.content import exposure, publication


@shared_task
def settle_post_with(*, media_id: str, **_: object) -> None:
    publication.settle_post_with(UUID(media_id))


@shared_task
def settle_post(*, post_id: str, **_: object) -> None:
    publication.settle(UUID(post_id))


@shared_task
def settle_waiting_posts(**_: object) -> None:
    publication.ring_again()


@shared_task
def reconcile_account(*, user_id: str, **_: object) -> None:
    exposure.reconcile_account(UUID(user_id))


@shared_task
def reconcile_waiting_accounts(**_: object) -> None:
    exposure.ring_again()
