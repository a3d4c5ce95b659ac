"""Waits for what other processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    holds: Callable[[], T],
    seconds: float = 120,
    *,
    every: float = 0.05,
    otherwise: str | Callable[[], str] = "it did not happen in time",
    despite: type[Exception] | tuple[type[Exception], ...] = (),
) -> T:
    """Call `holds` every `every` seconds until its result is true, and return the result.

    `despite`: errors that mean "not yet". Fails after `seconds` with the message `otherwise`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := holds():
                return found
        except despite:
            pass
        assert time.monotonic() < deadline, otherwise if isinstance(otherwise, str) else otherwise()
        time.sleep(every)
