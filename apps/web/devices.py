"""What a list of devices calls a browser or an app."""

from django.utils.translation import gettext as _

from apps.accounts.models import Session

# {part of a user agent: name}, in the order in which they are looked for: most browsers also name others.
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
    if session.kind == Session.Kind.API and session.device_name:
        return session.device_name
    browser, system = _first(_BROWSERS, session.user_agent), _first(_SYSTEMS, session.user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or session.user_agent[:60] or _("Unknown device")


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for part, name in names.items() if part in user_agent), "")
