"""Doorbells."""

from uuid import UUID

from celery import shared_task

from apps.accounts import erasure, exports, housekeeping, mails


@shared_task
def send_confirmation(*, user_id: str, **_: object) -> None:
    mails.send_confirmation(UUID(user_id))


@shared_task
def send_reset(*, user_id: str, **_: object) -> None:
    mails.send_reset(UUID(user_id))


@shared_task
def ring_for_erasures(**_: object) -> None:
    erasure.ring()


@shared_task
def erase(*, user_id: str, **_: object) -> None:
    erasure.erase(UUID(user_id))


@shared_task
def ring_for_exports(**_: object) -> None:
    exports.ring()


# An archive of thousands of originals is downloaded, zipped and uploaded in one go; no other task takes so long. A
# broker that delivers it once more meanwhile does no harm: the lease is held. EXPORTS_AT_ONCE keeps other slots free.
@shared_task(soft_time_limit=3500, time_limit=3600)
def make_export(*, export_id: str, **_: object) -> None:
    exports.make(UUID(export_id))


@shared_task
def announce_export(*, export_id: str, **_: object) -> None:
    exports.announce(UUID(export_id))


@shared_task
def expire_exports(**_: object) -> None:
    exports.expire()


@shared_task
def purge_exports(**_: object) -> None:
    housekeeping.purge_exports()


@shared_task
def purge_sessions(**_: object) -> None:
    housekeeping.purge_sessions()


@shared_task
def purge_emailed_tokens(**_: object) -> None:
    housekeeping.purge_emailed_tokens()


@shared_task
def release_handles(**_: object) -> None:
    housekeeping.release_handles()
