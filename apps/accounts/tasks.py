"""Doorbells."""

from smtplib import SMTPException
from uuid import UUID

from celery import shared_task

from apps.accounts import housekeeping, mails


@shared_task(
    autoretry_for=(OSError, SMTPException), retry_backoff=5, retry_backoff_max=600, retry_jitter=True, max_retries=5
)
def send_confirmation(*, user_id: str, **_: object) -> None:
    mails.send_confirmation(UUID(user_id))


@shared_task(
    autoretry_for=(OSError, SMTPException), retry_backoff=5, retry_backoff_max=600, retry_jitter=True, max_retries=5
)
def send_reset(*, user_id: str, **_: object) -> None:
    mails.send_reset(UUID(user_id))


@shared_task
def purge_sessions(**_: object) -> None:
    housekeeping.purge_sessions()


@shared_task
def purge_emailed_tokens(**_: object) -> None:
    housekeeping.purge_emailed_tokens()


@shared_task
def release_handles(**_: object) -> None:
    housekeeping.release_handles()
