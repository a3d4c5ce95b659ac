"""Another time, also for ids and defaults of the database, which do not use Python's clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from unittest import mock
from uuid import UUID

import time_machine
from uuid_utils import compat

from apps.core.db.ids import moment_of
from apps.moderation.models import Appeal, Flag

_make = compat.uuid7
_RANDOM = (1 << 80) - 1


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """`with at(january): services.flag(…)`: reports, appeals and decisions, with ids and times of then."""
    before = {model: set(model._default_manager.values_list("pk", flat=True)) for model in (Flag, Appeal)}
    with time_machine.travel(moment), mock.patch.object(compat, "uuid7", _uuid7_by_the_clock):
        yield
    for model, known in before.items():
        for row in model._default_manager.exclude(pk__in=known):
            model._default_manager.filter(pk=row.pk).update(created_at=moment_of(row.pk))


def _uuid7_by_the_clock() -> UUID:
    return UUID(int=(time.time_ns() // 1_000_000 << 80) | (_make().int & _RANDOM))
