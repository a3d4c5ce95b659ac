"""Erases an account whose grace period is over: the data of the user in every app, and the row of the account last.

From its claim on an account is `erased` and cannot be restored; until then signing in restores it. Each app deletes in
short transactions and may be interrupted anywhere: the `Erasure` row is deleted in the transaction that deletes the
account, and until then the sweep enqueues the work again. The user receives a mail before the address is deleted.
"""

from datetime import timedelta
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session as ConsoleSession
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from apps.accounts import mails
from apps.accounts.models import Erasure, User
from apps.core import privacy
from apps.core.db.batches import BATCH, delete_in_batches
from apps.core.models import IdempotencyKey
from apps.core.tasks import leased

log = structlog.get_logger(__name__)
# Sent by task name: importing tasks.py here would be a cycle.
ERASE = "apps.accounts.tasks.erase"
# The pause after a failure grows to the longest one. There is no last attempt, because erasure is promised.
PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(hours=1)
# Attempts to send the mail, which take about four hours. After that the account is erased without it: the address may
# not exist any more.
MAIL_ATTEMPTS = 12


def enqueue_due() -> int:
    """Enqueue the erasure of accounts whose grace is over, and of those that a dead worker left. Returns how many."""
    now = timezone.now()
    known = Erasure.objects.filter(user_id=OuterRef("pk"))
    due = User.objects.filter(~Exists(known), erase_after__lte=now).order_by("erase_after")
    begun = [Erasure(user_id=pk, next_attempt_at=now) for pk in due.values_list("pk", flat=True)[:BATCH]]
    Erasure.objects.bulk_create(begun, ignore_conflicts=True)
    return leased.enqueue_due(Erasure.objects.all(), task=ERASE, argument="user_id")


def erase(user_id: UUID) -> None:
    """Erase all data of a user, unless the account was restored or another worker does it. Idempotent."""
    erasure = _claim(user_id)
    if erasure is None:
        return
    try:
        with leased.renewing_lease(erasure):
            for context in privacy.in_dependency_order():
                context.erase_user(user_id)
            _erase_traces(user_id)
            is_announced = _announce(erasure)
        if not is_announced:
            Erasure.objects.release(erasure, after=_pause_after(erasure.attempts))
            return
        _erase_account(user_id)
    except SoftTimeLimitExceeded:
        # A long history: the next run continues.
        log.info("erasure_continues", user_id=str(user_id))
        Erasure.objects.release(erasure, attempts=F("attempts") - 1)
        return
    except Exception as error:
        log.error("erasure_failed", user_id=str(user_id), attempts=erasure.attempts, error=repr(error))
        Erasure.objects.release(erasure, after=_pause_after(erasure.attempts))
        raise
    seconds = (timezone.now() - erasure.created_at).total_seconds()
    log.info("account_erased", user_id=str(user_id), attempts=erasure.attempts, seconds=round(seconds, 3))


@transaction.atomic
def _claim(user_id: UUID) -> Erasure | None:
    """The erasure with a lease, of an account that is `erased` from now on. None if another worker has the lease, and
    if the account is deleted or was restored, which one conditional UPDATE decides."""
    Erasure.objects.bulk_create([Erasure(user_id=user_id, next_attempt_at=timezone.now())], ignore_conflicts=True)
    erasure: Erasure | None = Erasure.objects.claim(user_id)
    if erasure is None:
        return None
    due = Q(state=User.State.ERASED) | Q(
        state__in=[User.State.LEAVING, User.State.SUSPENDED, User.State.PENDING], erase_after__lte=timezone.now()
    )
    if not User.objects.filter(due, pk=user_id).update(state=User.State.ERASED):
        erasure.delete()
        return None
    return erasure


def _erase_traces(user_id: UUID) -> None:
    """The data of `core` and of the console, which are not among the apps."""
    delete_in_batches(IdempotencyKey.objects.filter(user=user_id))
    delete_in_batches(LogEntry.objects.filter(Q(user=user_id) | Q(object_id=str(user_id))))
    for session in ConsoleSession.objects.iterator(chunk_size=BATCH):
        if session.get_decoded().get(SESSION_KEY) == str(user_id):
            session.delete()


def _announce(erasure: Erasure) -> bool:
    """Mail that the account is erased. Returns whether the account can be deleted now: the mail is sent, or this was
    the last attempt.

    A worker that is killed before it deletes the account sends the mail again. Errors of mail servers name the address,
    therefore neither the log nor a dead letter gets them.
    """
    user = User.objects.filter(pk=erasure.user_id).first()
    if user is None:
        return True
    try:
        mails.send_erased(user, reference=str(user.pk))
    except OSError as error:  # SMTPException is one
        is_last = erasure.attempts >= MAIL_ATTEMPTS
        event = "erasure_mail_given_up" if is_last else "erasure_mail_postponed"
        log.warning(event, user_id=str(user.pk), attempts=erasure.attempts, error=type(error).__name__)
        return is_last
    return True


def _pause_after(attempts: int) -> timedelta:
    pause: timedelta = PAUSE * 2 ** min(attempts - 1, 10)
    return min(pause, LONGEST_PAUSE)


@transaction.atomic
def _erase_account(user_id: UUID) -> None:
    """Delete the account, which frees its e-mail address, and the erasure. Transactions that are about to write a row
    that refers to the account wait for this lock and then fail."""
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user:
        user.delete()
    Erasure.objects.filter(pk=user_id).delete()
