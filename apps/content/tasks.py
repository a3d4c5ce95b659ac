"""Doorbells."""

from uuid import UUID

from celery import shared_task

from apps.content import exposure, publication


@shared_task
def settle_posts_with(*, media_id: str, **_: object) -> None:
    publication.settle_posts_with(UUID(media_id))


@shared_task
def reconcile_account(*, user_id: str, **_: object) -> None:
    exposure.reconcile_account(UUID(user_id))


@shared_task
def settle_waiting_posts(**_: object) -> None:
    publication.settle_waiting_posts()
