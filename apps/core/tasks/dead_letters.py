"""Tasks that were given up after TASK_TRIES tries: to be looked at, tried again, or dropped."""

from collections.abc import Collection

from django.db.models import Q, QuerySet
from django_celery_outbox.models import CeleryOutboxDeadLetter
from django_celery_outbox.replay import replay_dead_letters


def found(ids: Collection[int] = (), *, task: str = "") -> "QuerySet[CeleryOutboxDeadLetter]":
    """Newest first: those with the ids, or of the task (its whole name, or the end of it), or all."""
    rows = CeleryOutboxDeadLetter.objects.order_by("-id")
    if ids:
        rows = rows.filter(pk__in=ids)
    return rows.filter(Q(task_name=task) | Q(task_name__endswith=f".{task}")) if task else rows


def retry(letters: "QuerySet[CeleryOutboxDeadLetter]") -> int:
    """Put them back into the outbox, with all their tries before them. Returns how many."""
    return int(replay_dead_letters(list(letters.values_list("pk", flat=True))))


def drop(letters: "QuerySet[CeleryOutboxDeadLetter]") -> int:
    """Nobody wants it done any more. Returns how many."""
    return letters.order_by().delete()[0]
