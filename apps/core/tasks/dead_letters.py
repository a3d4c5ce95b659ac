"""Tasks that failed TASK_TRIES times: to be looked at, attempted again, or dropped."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.core.models import DeadLetter
from apps.core.tasks import outbox


def found(ids: Collection[int] = (), *, task: str = "") -> "QuerySet[DeadLetter]":
    """Newest first: those with the ids, or of the task (its whole name, or the end of it), or all."""
    rows = DeadLetter.objects.order_by("-id")
    if ids:
        rows = rows.filter(pk__in=ids)
    return rows.filter(Q(task_name=task) | Q(task_name__endswith=f".{task}")) if task else rows


@transaction.atomic
def retry(letters: "QuerySet[DeadLetter]") -> int:
    """Put them back into the outbox, with all their attempts before them. Returns how many."""
    pks = list(letters.values_list("pk", flat=True))
    return outbox.replay(list(DeadLetter.objects.select_for_update().filter(pk__in=pks).order_by("pk")))


def drop(letters: "QuerySet[DeadLetter]") -> int:
    """Delete them: they are not wanted any more. Returns how many."""
    return letters.order_by().delete()[0]
