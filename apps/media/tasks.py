"""Doorbells: ids in, one call. What fails for now is rung for again by the sweep, so nothing is retried here."""

from uuid import UUID

from celery import shared_task

from apps.media import inventory, pipeline, sweeps


@shared_task
def process_upload(*, media_id: str, **_: object) -> None:
    pipeline.process(UUID(media_id))


@shared_task
def publish_variants(*, media_id: str, **_: object) -> None:
    pipeline.publish_variants(UUID(media_id))


@shared_task
def move_variants(*, media_id: str, **_: object) -> None:
    pipeline.move_variants(UUID(media_id))


@shared_task
def ring_again(**_: object) -> None:
    sweeps.ring_again()


@shared_task
def delete_doomed_objects(**_: object) -> None:
    sweeps.delete_doomed_objects()


@shared_task
def remove_abandoned_uploads(**_: object) -> None:
    sweeps.remove_abandoned_uploads()


@shared_task
def remove_orphaned_objects(*, shard: str = "", **_: object) -> None:
    """Without a shard: every one."""
    if shard:
        inventory.remove_orphaned_objects(shard)
    else:
        inventory.ring_for_every_shard("apps.media.tasks.remove_orphaned_objects")


@shared_task
def reprocess_media_without_objects(*, shard: str = "", **_: object) -> None:
    """Without a shard: every one."""
    if shard:
        inventory.reprocess_media_without_objects(shard)
    else:
        inventory.ring_for_every_shard("apps.media.tasks.reprocess_media_without_objects")
