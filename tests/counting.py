"""Whether what is counted in columns is what there is."""

from typing import Any

from apps.core.db.counters import every_counter


def drift() -> list[tuple[str, Any]]:
    """(counter, what its repair would mend); nothing where all agree."""
    return [(counter.label, wrong) for counter in every_counter() for wrong in counter.repair(dry_run=True)]
