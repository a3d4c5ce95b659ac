"""Celery tasks: each takes ids and makes one call."""

from uuid import UUID

from celery import shared_task

from apps.core.db.batches import BatchRunner
from apps.core.tasks.scheduled import scheduled
from apps.moderation import digests, housekeeping, safety
from apps.moderation.appeals import statements
from apps.moderation.cases import suspensions


# Shorter than the lease of the row.
@shared_task(soft_time_limit=45, time_limit=55)
def send_statement(*, action_id: str, **_: object) -> None:
    statements.send(UUID(action_id))


@scheduled
def send_waiting_statements(**_: object) -> int:
    return statements.enqueue_due()


@shared_task
def flag_banned_image(*, post_id: str, **_: object) -> None:
    safety.flag_banned_image(UUID(post_id))


@shared_task
def flag_blocked_text(*, target_type: str, target_id: str, term_id: str, **_: object) -> None:
    safety.flag_blocked_text(target_type, UUID(target_id), UUID(term_id))


@scheduled
def end_due_suspensions(**_: object) -> int:
    return suspensions.end_due()


@scheduled
def send_digests(**_: object) -> int:
    return digests.send_due()


@scheduled
def purge_team_notes(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_team_notes(runner)
