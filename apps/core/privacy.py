"""Erasure and export of user data: each app of the stack does its part."""

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any
from uuid import UUID

from django.apps import AppConfig, apps

Export = Iterator[tuple[str, dict[str, Any]]]


class ContextConfig(AppConfig):
    """An app of the stack. Its `privacy.py` defines `erase(user_id)` and `export(user_id)`, which a system check
    requires."""

    def erase_user(self, user_id: UUID) -> None:
        """Delete every row and object held on the user. Runs in batches and may be run again after a crash."""
        self._privacy().erase(user_id)

    def export_user(self, user_id: UUID) -> Export:
        """Yield (kind, plain JSON-ready values) for every row held on the user."""
        rows: Export = self._privacy().export(user_id)
        return rows

    def _privacy(self) -> ModuleType:
        # It imports models, which are ready later than this class.
        return import_module(f"{self.name}.privacy")


class NoUserDataConfig(ContextConfig):
    """An app of the stack that stores nothing about users."""

    def erase_user(self, user_id: UUID) -> None:
        pass

    def export_user(self, user_id: UUID) -> Export:
        return iter(())


def tally(user_id: UUID) -> dict[str, dict[str, int]]:
    """{context: {kind: number}} of the rows that are held on the user, top of the stack first."""
    counts = {
        context.label: Counter(kind for kind, _ in context.export_user(user_id)) for context in in_dependency_order()
    }
    return {label: dict(count) for label, count in counts.items() if count}


def in_dependency_order() -> list[ContextConfig]:
    """The apps, top of the stack first: the order in which a user is erased."""
    return [config for config in reversed(list(apps.get_app_configs())) if isinstance(config, ContextConfig)]
