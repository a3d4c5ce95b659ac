"""A short-lived cache of what operators and moderators set, in each process, so that a request does not query it."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
# A change applies in every process after this time.
SECONDS = 10


class TimedCache(Generic[T]):
    """The result of `load()`, loaded at most once in SECONDS by each process. Threads may load at the same time."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._cached: tuple[float, T] | None = None

    def get(self) -> T:
        cached = self._cached
        if cached is None or time.monotonic() - cached[0] >= SECONDS:
            self._cached = cached = (time.monotonic(), self._load())
        return cached[1]

    def peek(self) -> T | None:
        """The last result, however old; None if there is none."""
        return self._cached[1] if self._cached else None

    def clear(self) -> None:
        self._cached = None
