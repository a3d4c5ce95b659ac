"""Domain events: what an app announces, with ids only, inside the transaction of the change.

Receivers are in `receivers.py` of other apps and do one thing: they enqueue a task, which is a row of the outbox in the
same transaction. So a change that is committed always has its tasks, and one that is rolled back never has.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from apps.core.tasks import outbox


class DomainEvent:
    """`post_liked = DomainEvent("post_liked", "post_id", "actor_id")`."""

    def __init__(self, name: str, *fields: str) -> None:
        self.name = name
        self.fields = frozenset(fields)
        self._signal = Signal()

    def publish(self, **ids: Any) -> None:
        """Call every receiver. Raises RuntimeError outside a transaction, TypeError for other fields than declared."""
        if not transaction.get_connection().in_atomic_block:
            raise RuntimeError(f"{self.name} must be published inside the transaction of the change.")
        if ids.keys() != self.fields:
            raise TypeError(f"{self.name} is published with {sorted(self.fields)}, not {sorted(ids)}.")
        with outbox.batch():
            self._signal.send(sender=type(self), **ids)

    def receiver(self, receive: Callable[..., None]) -> Callable[..., None]:
        """Decorator: `receive` is called with the ids as keyword arguments."""

        def unwrapped(*, signal: Signal, sender: object, **ids: Any) -> None:
            receive(**ids)

        self._signal.connect(unwrapped, weak=False, dispatch_uid=f"{receive.__module__}.{receive.__qualname__}")
        return receive
