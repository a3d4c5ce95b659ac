"""Erasing an account whose grace is over: everything that any context holds on the person, and the account's row last.

From the moment of its claim an account is `erased` and cannot come back; until then signing in restores it. Each
context deletes in short transactions and may be interrupted anywhere: the `Erasure` row goes in the transaction that
deletes the account, and as long as it stands, the sweep has the work gone over again.
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

from apps.accounts.models import Erasure, User
from apps.core import privacy
from apps.core.db.batches import BATCH, delete_in_batches
from apps.core.models import IdempotencyKey
from apps.core.tasks import leased

log = structlog.get_logger(__name__)
# Sent by task name: importing tasks.py here would be a cycle.
ERASE = "apps.accounts.tasks.erase"
# After a failure: ever less often, and for ever, since it was promised.
PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(hours=1)


def enqueue_due() -> int:
    """Enqueue the erasure of accounts whose grace is over, and of those that a dead worker left. Returns how many."""
    now = timezone.now()
    known = Erasure.objects.filter(user_id=OuterRef("pk"))
    due = User.objects.filter(~Exists(known), erase_after__lte=now).order_by("erase_after")
    begun = [Erasure(user_id=pk, next_attempt_at=now) for pk in due.values_list("pk", flat=True)[:BATCH]]
    Erasure.objects.bulk_create(begun, ignore_conflicts=True)
    return leased.enqueue_due(Erasure.objects.all(), task=ERASE, argument="user_id")


def erase(user_id: UUID) -> None:
    """Everything held on the person, unless they came back in time or a worker is at it. Running twice is harmless."""
    erasure = _claim(user_id)
    if erasure is None:
        return
    try:
        with leased.renewing_lease(erasure):
            for context in privacy.in_dependency_order():
                context.erase_user(user_id)
            _erase_traces(user_id)
        _erase_account(user_id)
    except SoftTimeLimitExceeded:
        # A long history: what is gone is gone, and the next run goes on from here.
        log.info("erasure_continues", user_id=str(user_id))
        Erasure.objects.release(erasure, attempts=F("attempts") - 1)
        return
    except Exception as error:
        log.error("erasure_failed", user_id=str(user_id), attempts=erasure.attempts, error=repr(error))
        Erasure.objects.release(erasure, after=min(PAUSE * 2 ** min(erasure.attempts - 1, 10), LONGEST_PAUSE))
        raise
    seconds = (timezone.now() - erasure.created_at).total_seconds()
    log.info("account_erased", user_id=str(user_id), attempts=erasure.attempts, seconds=round(seconds, 3))


@transaction.atomic
def _claim(user_id: UUID) -> Erasure | None:
    """The erasure, with a lease of ours, of an account that is `erased` from now on. None when somebody else is at it,
    when the account has gone, and when its owner came back: one conditional UPDATE decides between them and us."""
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
    """What the kernel and the console keep, which are no contexts."""
    delete_in_batches(IdempotencyKey.objects.filter(user=user_id))
    delete_in_batches(LogEntry.objects.filter(Q(user=user_id) | Q(object_id=str(user_id))))
    for session in ConsoleSession.objects.iterator(chunk_size=BATCH):
        if session.get_decoded().get(SESSION_KEY) == str(user_id):
            session.delete()


@transaction.atomic
def _erase_account(user_id: UUID) -> None:
    """Delete the account, which frees its e-mail address, and the erasure. Transactions that are about to write a row
    that refers to the account wait for this lock and then fail."""
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user:
        user.delete()
    Erasure.objects.filter(pk=user_id).delete()
