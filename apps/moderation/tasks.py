"""Doorbells: ids in, one call. A statement that cannot be mailed now is rung for again by the sweep."""

from uuid import UUID

from celery import shared_task

from apps.moderation import statements, suspensions


# Within the lease on the row.
@shared_task(soft_time_limit=45, time_limit=55)
def send_statement(*, action_id: str, **_: object) -> None:
    statements.send(UUID(action_id))


@shared_task
def send_waiting_statements(**_: object) -> None:
    statements.ring_again()


@shared_task
def end_due_suspensions(**_: object) -> None:
    suspensions.end_due()
