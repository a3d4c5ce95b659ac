"""Long work in short transactions: a batch at a time, no faster than it may, and no longer than it may."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import QuerySet

BATCH = 500
# Seconds. Whoever waits is to notice soon that he should stop.
_NAP = 0.05

Place = dict[str, Any]
T = TypeVar("T")


class Pace:
    """How fast a long piece of work may go, when it must stop, and from which place it goes on the next time.

    Between two batches the work asks `goes_on()`; after each it says `step(rows)`, which waits as long as so many rows
    may take, and names the place that it has come to if it cannot tell from the rows themselves. Without arguments
    nothing holds it up and nothing stops it.
    """

    def __init__(
        self,
        *,
        rows_per_second: float = 0,
        seconds: float = float("inf"),
        place: Place | None = None,
        told: Callable[[int, Place], None] | None = None,
    ) -> None:
        self.rows = 0
        self.place: Place = place or {}
        self.stopped = False
        self._rows_per_second = rows_per_second
        self._due = time.monotonic()
        self._deadline = self._due + seconds
        self._told = told

    @property
    def batch(self) -> int:
        """Rows to take at once: no more than a second has room for."""
        return max(1, min(BATCH, int(self._rows_per_second or BATCH)))

    def goes_on(self) -> bool:
        """Whether there is time for another batch; once there was none, the work is `stopped` before its end."""
        self.stopped = self.stopped or time.monotonic() > self._deadline
        return not self.stopped

    def note(self, rows: int, place: Place | None = None) -> None:
        """A batch is done, and the next one is urgent."""
        self.rows += rows
        self.place = place or self.place
        if self._told:
            self._told(rows, self.place)

    def step(self, rows: int, place: Place | None = None) -> None:
        """A batch is done, and there is time for the next one."""
        self.note(rows, place)
        if self._rows_per_second:
            self._due = max(self._due, time.monotonic()) + rows / self._rows_per_second
            self.wait(self._due - time.monotonic())

    def wait(self, seconds: float) -> None:
        """Do nothing for a while, or until there is no time left."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.goes_on():
            time.sleep(min(_NAP, max(end - time.monotonic(), 0)))

    def stop(self) -> None:
        """The batch at hand is the last one."""
        self.stopped = True


def in_batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def walk(rows: QuerySet[Any], pace: Pace, *, after: str | None = None, **place: Any) -> Iterator[list[Any]]:
    """The ids of `rows` behind `after`, in their order, a batch at a time. Once a batch is done, its last id is noted
    as the place `after`, together with `place`."""
    page = rows.order_by("pk")
    while pace.goes_on():
        pks = list((page.filter(pk__gt=after) if after else page).values_list("pk", flat=True)[: pace.batch])
        if not pks:
            return
        yield pks
        after = str(pks[-1])
        pace.step(len(pks), {**place, "after": after})


def delete_in_batches(rows: QuerySet[Any], pace: Pace | None = None) -> int:
    """Delete `rows` a batch at a time, each in a transaction of its own; returns how many there were."""
    pace = pace or Pace()
    gone = 0
    while pace.goes_on() and (pks := list(rows.order_by("pk").values_list("pk", flat=True)[: pace.batch])):
        with transaction.atomic():
            rows.model._base_manager.filter(pk__in=pks).delete()
        gone += len(pks)
        pace.step(len(pks))
    return gone
