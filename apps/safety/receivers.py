"""What safety does because of others: after `migrate` and `flush`, the rows that are always there."""

from typing import Any

from django.apps import apps as present

from apps.safety import services


def ensure_limits(*, apps: Any = present, **_: object) -> None:
    try:
        apps.get_model("safety", "NewAccountLimit")
    except LookupError:  # migrated to a state without it
        return
    services.ensure_limits()
