"""Creates the rows of NewAccountLimit after `migrate` and `flush`."""

from typing import Any

from django.apps import apps as installed_apps

from apps.safety import services


def ensure_limits(*, apps: Any = installed_apps, **_: object) -> None:
    try:
        apps.get_model("safety", "NewAccountLimit")
    except LookupError:  # migrated to a state without the table
        return
    services.ensure_limits()
