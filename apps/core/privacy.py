"""What each bounded context owes a person: erasure of, and insight into, everything it holds on them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.apps import AppConfig, apps

Export = Iterator[tuple[str, dict[str, Any]]]


class ContextConfig(AppConfig):
    """An app of the stack. A system check, which names it and what it owes, fails for one that does not answer both
    questions; abstract methods would stop Django with a bare TypeError before any check runs."""

    def erase_user(self, user_id: UUID) -> None:
        """Delete every row and object held on the user. Runs in batches and may be run again after a crash."""
        raise NotImplementedError

    def export_user(self, user_id: UUID) -> Export:
        """Yield (kind, plain JSON-ready values) for every row held on the user."""
        raise NotImplementedError


def tally(user_id: UUID) -> dict[str, dict[str, int]]:
    """{context: {kind: number}} of the rows that are held on the user, top of the stack first."""
    counts = {
        context.label: Counter(kind for kind, _ in context.export_user(user_id)) for context in in_dependency_order()
    }
    return {label: dict(count) for label, count in counts.items() if count}


def in_dependency_order() -> list[ContextConfig]:
    """The contexts, top of the stack first: the order in which a person is erased."""
    return [config for config in reversed(list(apps.get_app_configs())) if isinstance(config, ContextConfig)]
