"""Doorbells."""

from uuid import UUID

from celery import shared_task
from django.db import OperationalError

from apps.content import exposure, publication, repair
from apps.core.batches import Pace
from apps.core.scheduled import scheduled

# What is still undone after these tries, the sweeps below ring for again.
retried = shared_task(
    autoretry_for=(OperationalError,), retry_backoff=2, retry_backoff_max=20, retry_jitter=True, max_retries=5
)


@retried
def settle_post_with(*, media_id: str, **_: object) -> None:
    publication.settle_post_with(UUID(media_id))


@retried
def settle_post(*, post_id: str, **_: object) -> None:
    publication.settle(UUID(post_id))


@scheduled
def settle_waiting_posts(**_: object) -> int:
    return publication.ring_again()


@retried
def reconcile_account(*, user_id: str, **_: object) -> None:
    exposure.reconcile_account(UUID(user_id))


@scheduled
def reconcile_waiting_accounts(**_: object) -> int:
    return exposure.ring_again()


@scheduled
def repair_fields(*, pace: Pace, **_: object) -> int:
    return repair.repair_fields(pace)
