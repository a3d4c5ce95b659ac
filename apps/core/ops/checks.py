"""System checks that keep the kernel's rules."""

from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.urls import Resolver404, resolve

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


@register(deploy=True)
def links_in_mails_lead_to_pages(**_: Any) -> list[CheckMessage]:
    """Mails contain links below CLIENT_URL. On the host of the API they only work if it has such pages."""
    client = urlsplit(settings.CLIENT_URL)
    if client.netloc != urlsplit(settings.PUBLIC_URL).netloc:
        return []
    try:
        resolve(f"{client.path}/confirm-email")
    except Resolver404:
        message = (
            f"CLIENT_URL is {settings.CLIENT_URL}, the API itself, which has no pages: links in mails lead nowhere."
        )
        return [Warning(message, hint="Set CLIENT_URL to the address of a web client.", id="photogram.W001")]
    return []
