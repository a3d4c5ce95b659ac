"""Which upload the pipeline processes next, and how much time it spends on the uploads of each user.

An expensive upload delays others, and failures cost as much as successes. So the user on whom the least time was spent
within the hour goes first, and uploads of a user who has used MEDIA_PROCESSING_SECONDS_PER_HOUR wait until the hour is
over. Variants that are made again, at the request of an operator, come last and are not charged.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, F, FloatField, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.media.models import Media, ProcessingTime

log = structlog.get_logger(__name__)
HOUR = timedelta(hours=1)
# Workers that look at the same time take different ones of the first.
CANDIDATES = 20


def candidates(media_id: UUID) -> list[UUID]:
    """The uploads that may be processed now, in the order of their turn. `media_id`: that of the task, whose pause
    after a failure is over."""
    now = timezone.now()
    runnable = Q(attempts=0) | Q(next_attempt_at__lte=now) | Q(pk=media_id)
    used = _current_times().filter(owner=OuterRef("owner")).values("seconds")
    waiting = (
        Media.objects.unprocessed()
        .filter(Q(leased_until=None) | Q(leased_until__lt=now), runnable)
        .alias(
            used=Case(When(variants=[], then=Coalesce(Subquery(used), 0.0)), default=None, output_field=FloatField())
        )
        .filter(Q(used=None) | Q(used__lt=settings.MEDIA_PROCESSING_SECONDS_PER_HOUR))
        .order_by(F("used").asc(nulls_last=True), "uploaded_at", "pk")
    )
    return list(waiting.values_list("pk", flat=True)[:CANDIDATES])


def postpone_if_over_budget(media_id: UUID) -> None:
    """Let the upload of the task be due when its owner has a new budget."""
    waiting = Media.objects.unprocessed().filter(pk=media_id, leased_until=None, variants=[])
    owner_id = waiting.values_list("owner", flat=True).first()
    if owner_id and (until := over_budget_until(owner_id)):
        log.info("media_over_budget", media_id=str(media_id), user_id=str(owner_id))
        waiting.update(next_attempt_at=until)


def over_budget_until(owner_id: UUID) -> datetime | None:
    """When the user has a new budget; None if the present one is not used up."""
    used_up = _current_times().filter(owner=owner_id, seconds__gte=settings.MEDIA_PROCESSING_SECONDS_PER_HOUR)
    started = used_up.values_list("hour_started_at", flat=True).first()
    return started + HOUR if started else None


@contextmanager
def charged(medium: Media) -> Iterator[None]:
    """Charge the time that the block takes, whether it succeeds or fails."""
    started = time.monotonic()
    try:
        yield
    finally:
        # An account that was erased meanwhile is not charged.
        with suppress(IntegrityError):
            if not medium.variants:
                charge(medium.owner_id, time.monotonic() - started)


@transaction.atomic
def charge(owner_id: UUID, seconds: float) -> None:
    now = timezone.now()
    used, _ = ProcessingTime.objects.select_for_update().get_or_create(
        owner_id=owner_id, defaults={"hour_started_at": now}
    )
    if used.hour_started_at <= now - HOUR:
        used.hour_started_at, used.seconds = now, 0.0
    used.seconds += seconds
    used.save()


def _current_times() -> "QuerySet[ProcessingTime]":
    return ProcessingTime.objects.filter(hour_started_at__gt=timezone.now() - HOUR)
