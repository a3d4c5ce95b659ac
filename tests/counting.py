"""Checks counters against the rows that they count."""

from typing import Any

from apps.core.db.counters import every_counter


def drift() -> list[tuple[str, Any]]:
    """[(counter, what its repair would correct)]; empty if all counters are correct."""
    return [(counter.label, wrong) for counter in every_counter() for wrong in counter.repair(dry_run=True)]
