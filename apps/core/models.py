"""The base of every row, idempotency keys, rate limits without Redis, queued tasks, heartbeats and runs of jobs."""

from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
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


class TaskRecord(models.Model):
    """A task with its arguments, as `tasks/outbox.py` writes it.

    The columns are those of the tables that django-celery-outbox made, which the release before this one still uses.
    """

    created_at = models.DateTimeField(db_default=Now())
    attempts = models.SmallIntegerField(default=0, db_column="retries")
    task_id = models.CharField(max_length=255, db_index=True)
    task_name = models.CharField(max_length=255, db_index=True)
    args = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    kwargs = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    # Of Celery's: `queue`, and `expires` as an ISO date and time.
    options = models.JSONField(default=dict)
    # JSON: the ids of the request and of the trace that the task follows from (`tasks/propagation.py`).
    context = models.TextField(null=True, blank=True, db_column="structlog_context")
    # A relay reads only the versions that it knows.
    schema_version = models.SmallIntegerField(default=1)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.task_name} {self.task_id}"

    @property
    def shown_kwargs(self) -> dict[str, Any]:
        """The arguments for operators: an address, which a visitor may have typed, is hidden."""
        return {name: "[email]" if name == "email" else value for name, value in self.kwargs.items()}


class QueuedTask(TaskRecord):
    """A task that is not done yet: a row of the outbox."""

    # When it was announced to the broker last. Null: never.
    announced_at = models.DateTimeField(null=True, db_column="updated_at")
    # When it is announced again. Null: it never was.
    next_attempt_at = models.DateTimeField(null=True, db_column="retry_after")

    class Meta:
        db_table = "celery_outbox"
        indexes = [
            models.Index(fields=["id"], condition=Q(announced_at__isnull=True), name="celery_outbox_pending_idx"),
            models.Index(fields=["next_attempt_at", "id"], name="celery_outbox_retry_idx"),
        ]


class DeadLetter(TaskRecord):
    """A task that failed TASK_TRIES times and is not attempted again by itself."""

    dead_at = models.DateTimeField(db_default=Now())
    failure_reason = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "celery_outbox_dead_letter"
        indexes = [
            models.Index(fields=["dead_at"], name="celery_outbox_dlq_dead_at_idx"),
            models.Index(fields=["created_at"], name="celery_outbox_dlq_created_idx"),
        ]


class Heartbeat(models.Model):
    """The last heartbeat of a process that no request reaches, or of a whole queue (`tasks/heartbeats.py`)."""

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
    # Where an unfinished round continues.
    checkpoint = models.JSONField(default=dict, db_column="place")
    unfinished = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name
