"""Doorbells: ids in, one call."""

from uuid import UUID

from celery import shared_task

from apps.media import pipeline, sweeps
from apps.media.storage import StorageError

retried = shared_task(
    autoretry_for=(StorageError, OSError), retry_backoff=2, retry_backoff_max=60, retry_jitter=True, max_retries=5
)


@retried
def process_upload(*, media_id: str, **_: object) -> None:
    pipeline.process(UUID(media_id))


@retried
def publish_variants(*, media_id: str, **_: object) -> None:
    pipeline.publish_variants(UUID(media_id))


@shared_task
def delete_doomed_objects(**_: object) -> None:
    sweeps.delete_doomed_objects()


@shared_task
def ring_again(**_: object) -> None:
    sweeps.ring_again()


@shared_task
def remove_abandoned_uploads(**_: object) -> None:
    sweeps.remove_abandoned_uploads()


@shared_task
def remove_orphaned_objects(**_: object) -> None:
    sweeps.remove_orphaned_objects()


@shared_task
def reprocess_media_without_objects(**_: object) -> None:
    sweeps.reprocess_media_without_objects()
