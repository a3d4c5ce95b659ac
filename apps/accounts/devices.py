"""The names of browsers and apps, what tells devices of an account apart, and the networks of clients."""

import ipaddress
import re

from django.utils.translation import gettext as _

from apps.accounts.models import SecurityEvent, Session

# {part of a user agent: name}. The first that is found counts, because most user agents also name other browsers.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "FxiOS": "Firefox",
    "Firefox": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def name_device(session: Session) -> str:
    """The name that an app has given to the device; otherwise, for example, "Firefox on Windows"."""
    return describe_device(session.device_name if session.kind == Session.Kind.API else "", session.user_agent)


def name_event_device(event: SecurityEvent) -> str:
    """Empty for an event that no client has caused, such as an archive that is ready."""
    return describe_device(event.device_name, event.user_agent) if event.device_name or event.user_agent else ""


def describe_device(device_name: str, user_agent: str) -> str:
    """As `name_device`, of the name that an app has given and the user agent."""
    if device_name:
        return device_name
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or user_agent[:60] or _("Unknown device")


def fingerprint(session: Session) -> tuple[str, str, str]:
    """What tells devices of an account apart: the name that an app has given, the browser or app and the system,
    without versions."""
    name = session.device_name if session.kind == Session.Kind.API else ""
    agent = session.user_agent
    product = _first(_BROWSERS, agent) or re.split(r"[/ ]", agent, maxsplit=1)[0]
    return name, product, _first(_SYSTEMS, agent)


def masked_address(address: str | None) -> str:
    """The network of an IP address: without the last octet of IPv4, or the first 48 bits of IPv6."""
    if not address:
        return ""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return f"{address.rpartition('.')[0]}.***"
    return f"{ipaddress.ip_network((int(parsed) >> 80 << 80, 48)).network_address}/48"


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for part, name in names.items() if part in user_agent), "")
