"""System checks of the code and its settings: each app erases and exports user data; links in mails lead to pages."""

from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.urls import Resolver404, resolve

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


@register(deploy=True)
def check_client_url(**_: Any) -> list[CheckMessage]:
    """Mails contain links below CLIENT_URL. On the host of the API they only work if it has such pages."""
    client = urlsplit(settings.CLIENT_URL)
    if client.netloc != urlsplit(settings.PUBLIC_URL).netloc:
        return []
    try:
        resolve(f"{client.path}/confirm-email")
    except Resolver404:
        message = f"CLIENT_URL is the API itself ({settings.CLIENT_URL}), which has no pages for the links in mails."
        return [Warning(message, hint="Set CLIENT_URL to the address of a web client.", id="photogram.W001")]
    return []
