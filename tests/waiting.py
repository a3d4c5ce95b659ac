"""What other processes do comes about when it does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    holds: Callable[[], T],
    seconds: float = 120,
    *,
    every: float = 0.05,
    otherwise: str | Callable[[], str] = "it did not come about",
    despite: type[Exception] | tuple[type[Exception], ...] = (),
) -> T:
    """What `holds` answers as soon as that is true; looks `every` so many seconds. `despite`: errors that only mean
    that it is not so yet. Fails after `seconds`, saying `otherwise`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := holds():
                return found
        except despite:
            pass
        assert time.monotonic() < deadline, otherwise if isinstance(otherwise, str) else otherwise()
        time.sleep(every)
