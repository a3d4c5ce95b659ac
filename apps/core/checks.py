"""System checks of the code: each app erases and exports user data."""

from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import module_has_submodule

from apps.core.privacy import ContextConfig, NoUserDataConfig


@register()
def check_privacy_of_apps(**_: Any) -> list[CheckMessage]:
    """Each app except `core` defines how it erases and exports the data of a user, or that it has none."""
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
            Error(f"{config.name}.privacy does not define {function}.", id="photogram.E002", obj=config)
            for function in missing_functions(config)
        ]
    return errors


def missing_functions(config: ContextConfig) -> list[str]:
    """Those of `erase` and `export` that the `privacy.py` of the app does not define, although it stores user data."""
    if isinstance(config, NoUserDataConfig):
        return []
    functions = ["erase", "export"]
    if config.module is None or not module_has_submodule(config.module, "privacy"):
        return functions
    module = import_module(f"{config.module.__name__}.privacy")
    return [function for function in functions if not hasattr(module, function)]
