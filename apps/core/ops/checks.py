"""System checks that keep the kernel's rules."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register

from apps.core.privacy import ContextConfig


@register()
def every_context_answers_for_a_person(**_: Any) -> list[CheckMessage]:
    """Each app above the kernel says how it erases and exports a user, even if the answer is "nothing"."""
    faults: list[CheckMessage] = []
    for config in apps.get_app_configs():
        if not config.name.startswith("apps.") or config.name == "apps.core":
            continue
        if not isinstance(config, ContextConfig):
            faults.append(Error(f"{config.name} is no ContextConfig.", id="photogram.E001", obj=config))
            continue
        faults += [
            Error(f"{config.name} does not answer {verb}.", id="photogram.E002", obj=config)
            for verb in ("erase_user", "export_user")
            if getattr(type(config), verb) is getattr(ContextConfig, verb)
        ]
    return faults
