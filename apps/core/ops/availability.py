"""Log lines when a server becomes unavailable and when it answers again, and none in between."""

import threading

import structlog


class AvailabilityLog:
    """Of one server in one process. `unavailable` and `recovered` are names of log events."""

    def __init__(self, logger: structlog.stdlib.BoundLogger, *, unavailable: str, recovered: str) -> None:
        self._logger = logger
        self._unavailable, self._recovered = unavailable, recovered
        self._failed = False
        self._lock = threading.Lock()

    def record_failure(self, **fields: object) -> None:
        if self._change(failed=True):
            self._logger.warning(self._unavailable, **fields)

    def record_answer(self, **fields: object) -> None:
        if self._failed and self._change(failed=False):
            self._logger.info(self._recovered, **fields)

    def _change(self, *, failed: bool) -> bool:
        """Whether the state is another one than before; of several threads, one gets True."""
        with self._lock:
            before, self._failed = self._failed, failed
        return before is not failed
