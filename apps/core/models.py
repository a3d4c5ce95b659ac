"""The kernel's rows: the base of every row, idempotency keys, the limits' stand-in for Redis, and what jobs did."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.db.ids import new_id


class UUIDModel(models.Model):
    """A row with a UUIDv7 key: `order_by("-id")` is newest first."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


class IdempotencyKey(UUIDModel):
    """The first answer to a keyed POST, committed together with what the POST made."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    address = models.CharField(max_length=45, blank=True)
    route = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "route", "key"],
                condition=Q(user__isnull=False),
                name="one_answer_per_user_and_key",
            ),
            models.UniqueConstraint(
                fields=["address", "route", "key"],
                condition=Q(user__isnull=True),
                name="one_answer_per_address_and_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class RateBucket(models.Model):
    """A rate limit's count while Redis is away."""

    key = models.CharField(max_length=400, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class Heartbeat(models.Model):
    """When a process that no request reaches, or a whole queue, last gave a sign of life; see `heartbeats.py`."""

    name = models.CharField(max_length=200, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class JobRun(models.Model):
    """What a job of the schedule did in its last round, and how far it has come in an unfinished one."""

    name = models.CharField(max_length=200, primary_key=True)
    # When it came into the schedule: until it has run, its age counts from then.
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0)
    fixed = models.PositiveIntegerField(default=0)
    fixed_total = models.PositiveBigIntegerField(default=0)
    # Of the last run that failed, until the next round.
    error = models.CharField(max_length=300, blank=True)
    place = models.JSONField(default=dict)
    unfinished = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name
