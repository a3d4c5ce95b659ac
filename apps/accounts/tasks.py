"""Celery tasks of accounts."""

from uuid import UUID

from celery import current_task, shared_task

from apps.accounts import erasure, exports, housekeeping, mails
from apps.core.db.batches import BatchRunner
from apps.core.tasks.scheduled import former_name, scheduled


@shared_task
def send_confirmation(*, user_id: str, **_: object) -> None:
    mails.send_confirmation(UUID(user_id), reference=str(current_task.request.id))


@shared_task
def send_reset(*, email: str = "", user_id: str = "", **_: object) -> None:
    """Takes the address as it was typed, or `user_id` from the release before this one."""
    mails.send_reset(email or mails.address_of(UUID(user_id)), reference=str(current_task.request.id))


@shared_task
def send_application_decision(*, application_id: str, **_: object) -> None:
    mails.send_application_decision(UUID(application_id), reference=str(current_task.request.id))


@shared_task
def send_verification(*, user_id: str, verified: bool, reason: str, **_: object) -> None:
    mails.send_verification(UUID(user_id), verified=verified, reason=reason, reference=str(current_task.request.id))


@shared_task
def send_email_change(*, change_id: str, **_: object) -> None:
    mails.send_email_change(UUID(change_id), reference=str(current_task.request.id))


@shared_task
def send_security_mail(*, event_id: str, **_: object) -> None:
    mails.send_security_mail(UUID(event_id), reference=str(current_task.request.id))


@scheduled
def enqueue_due_erasures(**_: object) -> int:
    return erasure.enqueue_due()


@shared_task
def erase(*, user_id: str, **_: object) -> None:
    erasure.erase(UUID(user_id))


@scheduled
def enqueue_due_exports(**_: object) -> int:
    return exports.enqueue_due()


# No other task takes as long: thousands of originals are downloaded, zipped and uploaded. If the broker delivers the
# task twice, the lease stops the second run. EXPORTS_AT_ONCE keeps other worker slots free.
@shared_task(soft_time_limit=3500, time_limit=3600)
def make_export(*, export_id: str, **_: object) -> None:
    exports.make(UUID(export_id))


@shared_task
def announce_export(*, export_id: str, **_: object) -> None:
    exports.announce(UUID(export_id))


@scheduled
def expire_exports(**_: object) -> int:
    return exports.expire()


@scheduled
def purge_exports(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_exports(runner)


@scheduled
def purge_sessions(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_sessions(runner)


@scheduled
def purge_emailed_tokens(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_emailed_tokens(runner)


@scheduled
def purge_invitations(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_invitations(runner)


@scheduled
def purge_spent_challenges(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_spent_challenges(runner)


@scheduled
def purge_email_changes(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_email_changes(runner)


@scheduled
def purge_security_events(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_security_events(runner)


@scheduled
def release_handles(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.release_handles(runner)


@scheduled
def purge_console_sessions(*, runner: BatchRunner, **_: object) -> int:
    return housekeeping.purge_console_sessions(runner)


# Names of the release before this one, for what it has queued.
former_name("apps.accounts.tasks.ring_for_erasures", enqueue_due_erasures)
former_name("apps.accounts.tasks.ring_for_exports", enqueue_due_exports)
