"""Facts: what a context announces, with ids only, inside the transaction that makes it true.

Receivers live in other contexts' `receivers.py` and do one thing: enqueue a task, which is a row of the outbox in
the same transaction. So a committed deed always has its consequence, and a rolled-back one never does.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from apps.core.tasks import outbox


class DomainEvent:
    """A named announcement. `post_liked = DomainEvent("post_liked", "post_id", "actor_id")`."""

    def __init__(self, name: str, *fields: str) -> None:
        self.name = name
        self.fields = frozenset(fields)
        self._signal = Signal()

    def publish(self, **ids: Any) -> None:
        """Announce it to every receiver, at once. Raises outside a transaction, unless what follows is held for a
        statement that is one (`outbox.held`), and for wrong fields."""
        if not (outbox.is_held() or transaction.get_connection().in_atomic_block):
            raise RuntimeError(f"{self.name} must be published inside the transaction that makes it true.")
        with outbox.gathering():
            self._send(ids)

    def held(self, **ids: Any) -> str:
        """What follows from it, for a statement that makes it true and writes that as well (`outbox.writing`); nothing
        follows if it does not become true."""
        return outbox.held(lambda: self._send(ids))

    def _send(self, ids: dict[str, Any]) -> None:
        if ids.keys() != self.fields:
            raise TypeError(f"{self.name} is published with {sorted(self.fields)}, not {sorted(ids)}.")
        self._signal.send(sender=type(self), **ids)

    def receiver(self, receive: Callable[..., None]) -> Callable[..., None]:
        """Decorator: `receive` is called with the ids as keyword arguments."""

        def unwrapped(*, signal: Signal, sender: object, **ids: Any) -> None:
            receive(**ids)

        self._signal.connect(unwrapped, weak=False, dispatch_uid=f"{receive.__module__}.{receive.__qualname__}")
        return receive
