"""Doorbells: ids in, one call. What fails for now is rung for again by the sweep, so nothing is retried here."""

from uuid import UUID

from celery import shared_task

from apps.core.db.batches import Pace
from apps.core.tasks.scheduled import former_name, scheduled
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


@scheduled
def enqueue_due_media(**_: object) -> int:
    return sweeps.enqueue_due()


@scheduled
def delete_doomed_objects(*, pace: Pace, **_: object) -> int:
    return sweeps.delete_doomed_objects(pace)


@scheduled
def remove_abandoned_uploads(*, pace: Pace, **_: object) -> int:
    return sweeps.remove_abandoned_uploads(pace)


@scheduled
def remove_orphaned_objects(*, shard: str = "", **_: object) -> int:
    return inventory.of_shard(shard, inventory.remove_orphaned_objects, task="apps.media.tasks.remove_orphaned_objects")


@scheduled
def reprocess_media_without_objects(*, shard: str = "", **_: object) -> int:
    task = "apps.media.tasks.reprocess_media_without_objects"
    return inventory.of_shard(shard, inventory.reprocess_media_without_objects, task=task)


# The name of the release before this one, for what it has queued.
former_name("apps.media.tasks.ring_again", enqueue_due_media)
