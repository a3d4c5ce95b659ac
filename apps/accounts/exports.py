"""Making the archive that somebody asked for, keeping it for as long as its link lives, and no longer.

The row is the record: `core/tasks/leased.py` says how. Each attempt writes an object of its own under a secret
that the row knew first; an object that does not become the archive of a `ready` row is deleted, by the worker that made
it or, if that was killed, by the next one.
"""

import tempfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts import archive, mails, security
from apps.accounts.models import DataExport, SecurityEvent
from apps.accounts.querysets import DataExportQuerySet
from apps.core.db.batches import BATCH
from apps.core.db.locks import transaction_lock
from apps.core.tasks import leased
from apps.core.tasks.outbox import enqueue
from apps.media import objects, storage
from apps.media.urls import signed_url

log = structlog.get_logger(__name__)
# Sent by task name: importing tasks.py here would be a cycle.
MAKE = "apps.accounts.tasks.make_export"
ANNOUNCE = "apps.accounts.tasks.announce_export"
FOLDER = "exports/"
MAX_ATTEMPTS = 5
# Storage away, a full disk: after 30 s, then 2, 8 and 32 minutes.
FIRST_PAUSE = timedelta(seconds=30)


def enqueue_due() -> int:
    """Enqueue the archives to be made, and the mails that were not sent yet. Returns how many."""
    made = leased.enqueue_due(DataExport.objects.unfinished(), task=MAKE, argument="export_id")
    return made + leased.enqueue_due(DataExport.objects.ready(), task=ANNOUNCE, argument="export_id")


# ── Making ───────────────────────────────────────────────────────────────────────────────────────────────
def make(export_id: UUID) -> None:
    """Make the archive, unless somebody else is at it. What fails for now is left to the sweep."""
    export = _claim(export_id)
    if export is None:
        return
    adopted = False
    try:
        with leased.renewing_lease(export), tempfile.TemporaryDirectory(prefix="photogram-") as folder:
            file = Path(folder) / "archive.zip"
            archive.write(file, user=export.user, folder=Path(folder))
            size = file.stat().st_size
            storage.save_archive(_key(export.secret), file, name=archive.name_for(export.user))
        adopted = _finish(export, size)
    except (storage.StorageError, OSError) as error:
        _postpone(export, error)
    except Exception as error:
        _postpone(export, error)
        raise
    finally:
        if not adopted:
            objects.schedule_deletion([_object(export.secret)])
        _enqueue_next()


def _claim(export_id: UUID) -> DataExport | None:
    """The export with a lease of ours and a fresh secret; None when there is nothing to do, or not yet."""
    with transaction.atomic():
        # Claims are made one after the other, so that EXPORTS_AT_ONCE holds.
        transaction_lock("exports")
        others = DataExport.objects.unfinished().filter(leased_until__gte=timezone.now()).exclude(pk=export_id)
        if others.count() >= settings.EXPORTS_AT_ONCE:
            return None
        before = DataExport.objects.unfinished().filter(pk=export_id).first()
        export: DataExport | None = DataExport.objects.unfinished().claim(
            export_id,
            status=DataExport.Status.PROCESSING,
            secret=objects.new_secret(),
        )
        if before is None or export is None:
            return None
        if before.secret:
            objects.schedule_deletion([_object(before.secret)])
    if export.attempts > MAX_ATTEMPTS:
        _fail(export, "The worker died each time.")
        return None
    return export


@transaction.atomic
def _finish(export: DataExport, size: int) -> bool:
    """Ready, and to be announced. False when the lease was lost: the person is erased, or it is another worker's."""
    now = timezone.now()
    finished = DataExport.objects.release(
        export,
        after=leased.ENQUEUE_PERIOD,
        status=DataExport.Status.READY,
        bytes=size,
        error="",
        finished_at=now,
        expires_at=now + settings.EXPORT_LIFETIME,
        attempts=0,
    )
    if finished:
        enqueue(ANNOUNCE, kwargs={"export_id": str(export.pk)})
        security.record(export.user, SecurityEvent.Kind.EXPORT_READY)
        seconds = (now - export.created_at).total_seconds()
        log.info("export_ready", export_id=str(export.pk), bytes=size, seconds=round(seconds, 3))
    return bool(finished)


def _postpone(export: DataExport, error: Exception) -> None:
    log.warning("export_postponed", export_id=str(export.pk), attempts=export.attempts, error=repr(error))
    if export.attempts >= MAX_ATTEMPTS:
        _fail(export, repr(error))
    else:
        DataExport.objects.release(
            export,
            after=FIRST_PAUSE * 4 ** (export.attempts - 1),
            status=DataExport.Status.PENDING,
            error=repr(error)[:300],
        )


def _fail(export: DataExport, reason: str) -> None:
    log.error("export_failed", export_id=str(export.pk), attempts=export.attempts, error=reason)
    DataExport.objects.finish(
        export,
        status=DataExport.Status.FAILED,
        error=reason[:300],
        secret="",
        finished_at=timezone.now(),
    )


def _enqueue_next() -> None:
    """The exports that waited for this one."""
    waiting = DataExport.objects.filter(status=DataExport.Status.PENDING, attempts=0).order_by("pk")
    with transaction.atomic():
        for pk in waiting.values_list("pk", flat=True)[: settings.EXPORTS_AT_ONCE]:
            enqueue(MAKE, kwargs={"export_id": str(pk)})


# ── Announcing ───────────────────────────────────────────────────────────────────────────────────────────
def announce(export_id: UUID) -> None:
    """Send the mail, once. What fails is tried again as long as the link lives."""
    unannounced = DataExport.objects.ready().filter(next_attempt_at__isnull=False, expires_at__gt=timezone.now())
    export = unannounced.claim(export_id)
    if export is None:
        return
    try:
        with leased.renewing_lease(export):
            mails.send_export_ready(export.user_id, reference=str(export.pk))
    except Exception as error:
        log.warning("mail_postponed", export_id=str(export.pk), attempts=export.attempts, error=repr(error))
        DataExport.objects.release(export, after=FIRST_PAUSE * 4 ** min(export.attempts - 1, 3))
        return
    DataExport.objects.finish(export)


# ── The link and its end ─────────────────────────────────────────────────────────────────────────────────
def latest(user_id: UUID) -> DataExport | None:
    return DataExport.objects.owned_by(user_id).order_by("-id").first()


def link(export: DataExport) -> str | None:
    """The same each time it is asked for: signed when the archive was finished, for as long as it is kept. None when
    there is no archive, or none any more, whether or not the sweep has come by."""
    if export.status != DataExport.Status.READY or export.finished_at is None or export.expires_at is None:
        return None
    if export.expires_at <= timezone.now():
        return None
    return signed_url(_key(export.secret), at=export.finished_at, lifetime=export.expires_at - export.finished_at)


def expire() -> int:
    """Archives whose link has ended go. Returns how many."""
    gone = 0
    ended = DataExport.objects.ready().filter(expires_at__lte=timezone.now()).order_by("expires_at")
    while batch := _expire_batch(ended):
        gone += batch
    return gone


@transaction.atomic
def end_links(user_id: UUID) -> None:
    """Delete the archive of a user whose sessions end: its link needs no session."""
    _expire_all(list(DataExport.objects.owned_by(user_id).ready().select_for_update()))


@transaction.atomic
def _expire_batch(ended: DataExportQuerySet) -> int:
    batch = list(ended.select_for_update(skip_locked=True)[:BATCH])
    _expire_all(batch)
    return len(batch)


def _expire_all(ended: list[DataExport]) -> None:
    objects.schedule_deletion(_object(export.secret) for export in ended)
    DataExport.objects.filter(pk__in=[export.pk for export in ended]).update(
        status=DataExport.Status.EXPIRED, secret="", leased_until=None, next_attempt_at=None
    )


@transaction.atomic
def destroy(user_id: UUID) -> None:
    """Delete the rows and objects of a user who is erased. A worker that is at one loses its lease."""
    rows = list(DataExport.objects.owned_by(user_id).select_for_update())
    objects.schedule_deletion(_object(export.secret) for export in rows if export.secret)
    DataExport.objects.owned_by(user_id).delete()


def known(keys: list[str]) -> set[str]:
    """Those of the keys in FOLDER that are some export's; all others are nobody's."""
    by_secret = {key.removeprefix(FOLDER).removesuffix(".zip"): key for key in keys}
    rows = DataExport.objects.filter(secret__in=by_secret).values_list("secret", flat=True)
    return {by_secret[secret] for secret in rows}


def _key(secret: str) -> str:
    return f"{FOLDER}{secret}.zip"


def _object(secret: str) -> tuple[str, str]:
    return settings.S3_PRIVATE_BUCKET, _key(secret)
