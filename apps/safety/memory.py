"""What a process remembers of the rules, so that writing costs no statement more than it did without them."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
# How long a process goes by what it has read: a rule that is changed holds everywhere after as long.
SECONDS = 10


class Remembered(Generic[T]):
    """`load()`, asked at most once in SECONDS by each process. It needs no Redis. Threads that ask at the same moment
    may both load; what they get is the same."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._kept: tuple[float, T] | None = None

    def get(self) -> T:
        kept = self._kept
        if kept is None or time.monotonic() - kept[0] >= SECONDS:
            self._kept = kept = (time.monotonic(), self._load())
        return kept[1]

    def forget(self) -> None:
        self._kept = None
