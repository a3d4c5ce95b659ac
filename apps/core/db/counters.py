"""Counters shown on a row: changed in the transaction of the rows they count, repaired from the rows.

One declaration, by the app whose rows are counted, gives +1, -1, the repair and the measure of drift.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, F, Model, QuerySet
from django.db.models.functions import Greatest

from apps.core.db.batches import BatchRunner, walk

_registry: list["Counter"] = []


@dataclass(frozen=True)
class Drift:
    """A value that a repair found wrong: `field` of the row `pk` was `shown`, and the rows say `true`."""

    field: str
    pk: UUID
    shown: object
    true: object


@dataclass(frozen=True)
class Counter:
    """`shown_on.column` equals the number of `rows` whose `subject` is that row.

    `LIKES = Counter(shown_on=Post, column="like_count", rows=Like.objects.all(), subject="post")`
    """

    shown_on: type[Model]
    column: str
    rows: QuerySet[Any]
    subject: str
    name: str = field(default="")

    def __post_init__(self) -> None:
        _registry.append(self)

    @property
    def label(self) -> str:
        return f"{self.shown_on._meta.label_lower}.{self.column}"

    def move(self, pk: UUID, by: int) -> None:
        """Add `by` to the counter. Call it in the transaction that adds or removes the rows."""
        if not connection.in_atomic_block:
            raise RuntimeError(f"{self.label} must move in the transaction of the rows it counts.")
        # A counter that is wrong does not prevent the write: it stays at 0, and the repair finds it.
        self.shown_on._base_manager.filter(pk=pk).update(**{self.column: Greatest(F(self.column) + by, 0)})

    def increment(self, pk: UUID) -> None:
        self.move(pk, 1)

    def decrement(self, pk: UUID) -> None:
        self.move(pk, -1)

    def move_all(self, steps: dict[UUID, int]) -> None:
        """`move` for many rows, locked in the order of their ids, with one UPDATE for all that move alike."""
        rows = self.shown_on._base_manager.filter(pk__in=steps)
        list(rows.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))
        for by in set(steps.values()):
            moved = [pk for pk, step in steps.items() if step == by]
            rows.filter(pk__in=moved).update(**{self.column: Greatest(F(self.column) + by, 0)})

    def drifted(self, pks: list[UUID]) -> dict[UUID, tuple[int, int]]:
        """{pk: (shown, true)} for those of `pks` whose counter is wrong."""
        shown = dict(self.shown_on._base_manager.filter(pk__in=pks).values_list("pk", self.column))
        subject = f"{self.subject}_id"
        true: dict[UUID, int] = dict(
            self.rows.filter(**{f"{subject}__in": pks})
            .order_by()
            .values(subject)
            .annotate(n=Count("pk"))
            .values_list(subject, "n")
        )
        return {pk: (n, true.get(pk, 0)) for pk, n in shown.items() if n != true.get(pk, 0)}

    def repair(
        self, runner: BatchRunner | None = None, *, after: str | None = None, dry_run: bool = False
    ) -> Iterator[tuple[UUID, int, int]]:
        """Recount the rows behind `after` in batches; yields (pk, shown, true) for each one that was wrong.

        A counter found wrong is recounted under a lock on its row, since it may have moved between the reads.
        """
        for pks in walk(self.shown_on._base_manager.all(), runner or BatchRunner(), after=after, counter=self.label):
            for pk, (shown, true) in self.drifted(pks).items():
                if dry_run:
                    yield pk, shown, true
                elif (fixed := self._recount(pk)) is not None:
                    yield pk, *fixed

    @transaction.atomic
    def _recount(self, pk: UUID) -> tuple[int, int] | None:
        locked = self.shown_on._base_manager.select_for_update(of=("self",)).filter(pk=pk)
        if not locked.exists():
            return None
        for shown, true in self.drifted([pk]).values():
            self.shown_on._base_manager.filter(pk=pk).update(**{self.column: true})
            return shown, true
        return None


def every_counter() -> list[Counter]:
    return list(_registry)
