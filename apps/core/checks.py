"""System checks of the code: each app erases and exports user data."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register

from apps.core.privacy import ContextConfig


@register()
def check_privacy_of_apps(**_: Any) -> list[CheckMessage]:
    """Each app except `core` defines how it erases and exports the data of a user, even if it has none."""
    errors: list[CheckMessage] = []
    for config in apps.get_app_configs():
        if not config.name.startswith("apps.") or config.name == "apps.core":
            continue
        if not isinstance(config, ContextConfig):
            errors.append(
                Error(f"The AppConfig of {config.name} is no ContextConfig.", id="photogram.E001", obj=config)
            )
            continue
        errors += [
            Error(f"The AppConfig of {config.name} does not define {method}.", id="photogram.E002", obj=config)
            for method in ("erase_user", "export_user")
            if getattr(type(config), method) is getattr(ContextConfig, method)
        ]
    return errors
