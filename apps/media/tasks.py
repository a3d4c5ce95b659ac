"""Celery tasks: take ids, call one function. The sweep repeats what fails, so nothing is retried here."""

from uuid import UUID

from celery import shared_task

from apps.core.db.batches import BatchRunner
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
def delete_pending_objects(*, runner: BatchRunner, **_: object) -> int:
    return sweeps.delete_pending_objects(runner)


# The former name, for tasks that the previous release has enqueued. Remove it with the next release.
@shared_task(name="apps.media.tasks.delete_doomed_objects")
def delete_objects_of_former_release(**_: object) -> None:
    sweeps.delete_pending_objects()


@scheduled
def remove_abandoned_uploads(*, runner: BatchRunner, **_: object) -> int:
    return sweeps.remove_abandoned_uploads(runner)


@scheduled
def remove_orphaned_objects(*, shard: str = "", **_: object) -> int:
    return inventory.of_shard(shard, inventory.remove_orphaned_objects, task="apps.media.tasks.remove_orphaned_objects")


@scheduled
def reprocess_media_without_objects(*, shard: str = "", **_: object) -> int:
    task = "apps.media.tasks.reprocess_media_without_objects"
    return inventory.of_shard(shard, inventory.reprocess_media_without_objects, task=task)


# The name of the release before this one, for what it has queued.
former_name("apps.media.tasks.ring_again", enqueue_due_media)
