"""Long work in short transactions: in batches, at a limited rate and for a limited time."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import QuerySet

BATCH = 500
# Seconds. The longest sleep, so that work that is told to stop stops soon.
_NAP = 0.05

Checkpoint = dict[str, Any]
T = TypeVar("T")


class BatchRunner:
    """Limits the rate and the time of work that goes in batches, and keeps its checkpoint.

    Before each batch the work asks `has_time()`; after it, it calls `advance(rows)`, which waits as long as the rate
    demands. Without arguments nothing is limited.
    """

    def __init__(
        self,
        *,
        rows_per_second: float = 0,
        seconds: float = float("inf"),
        checkpoint: Checkpoint | None = None,
        on_progress: Callable[[int, Checkpoint], None] | None = None,
    ) -> None:
        """`checkpoint`: where the last run stopped. `on_progress` is called with the rows and the checkpoint of each
        batch."""
        self.rows = 0
        self.checkpoint: Checkpoint = checkpoint or {}
        self.stopped = False
        self._rows_per_second = rows_per_second
        self._due = time.monotonic()
        self._deadline = self._due + seconds
        self._on_progress = on_progress

    @property
    def batch_size(self) -> int:
        """The number of rows of the next batch: at most those of one second."""
        return max(1, min(BATCH, int(self._rows_per_second or BATCH)))

    def has_time(self) -> bool:
        """Whether there is time for another batch. If there is not, the work is `stopped` before its end."""
        self.stopped = self.stopped or time.monotonic() > self._deadline
        return not self.stopped

    def advance(self, rows: int, checkpoint: Checkpoint | None = None, *, throttle: bool = True) -> None:
        """A batch is done. `checkpoint`: where a later run continues. `throttle=False`: the next batch is urgent."""
        self.rows += rows
        self.checkpoint = checkpoint or self.checkpoint
        if self._on_progress:
            self._on_progress(rows, self.checkpoint)
        if throttle and self._rows_per_second:
            self._due = max(self._due, time.monotonic()) + rows / self._rows_per_second
            self.wait(self._due - time.monotonic())

    def wait(self, seconds: float) -> None:
        """Sleep for so long, or until there is no time left."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.has_time():
            time.sleep(min(_NAP, max(end - time.monotonic(), 0)))

    def stop(self) -> None:
        """The present batch is the last one."""
        self.stopped = True


def in_batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def walk(rows: QuerySet[Any], runner: BatchRunner, *, after: str | None = None, **fields: Any) -> Iterator[list[Any]]:
    """The ids of `rows` behind `after`, in ascending order, in batches. The checkpoint of a batch is its last id, as
    `after`, with `fields`."""
    page = rows.order_by("pk")
    while runner.has_time():
        pks = list((page.filter(pk__gt=after) if after else page).values_list("pk", flat=True)[: runner.batch_size])
        if not pks:
            return
        yield pks
        after = str(pks[-1])
        runner.advance(len(pks), {**fields, "after": after})


def delete_in_batches(rows: QuerySet[Any], runner: BatchRunner | None = None) -> int:
    """Delete `rows` in batches, each in a transaction of its own. Returns how many there were."""
    runner = runner or BatchRunner()
    gone = 0
    while runner.has_time() and (pks := list(rows.order_by("pk").values_list("pk", flat=True)[: runner.batch_size])):
        with transaction.atomic():
            rows.model._base_manager.filter(pk__in=pks).delete()
        gone += len(pks)
        runner.advance(len(pks))
    return gone
