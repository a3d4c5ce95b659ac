"""What makes the pages an app that browsers install: the manifest, the service worker, the page without a connection.

None of these depends on who is signed in.
"""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.core.errors import NotFound
from apps.site import reads as site
from apps.site.colours import accent_for_dark_theme, validate_accent
from apps.site.models import LOGO_EDGE

# What the offline page needs. Photos and pages of members are never stored.
STORED_FILES = [
    "web/app.css",
    "web/js/offline.js",
    "web/icon.svg",
    "web/icons/icon-192.png",
    "web/icons/badge-96.png",
]
# The policy of the worker itself, whose only requests are for these files and for the number of unread notifications.
WORKER_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
DAY = 24 * 3600
# For URLs that name their content.
_FOREVER = f"public, max-age={365 * DAY}, immutable"


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """The web app manifest."""
    shortcuts = [(_("New post"), "web:new"), (_("Activity"), "web:notifications"), (_("Explore"), "web:explore")]
    content = {
        "id": "/",
        "name": site.current().name,
        "short_name": site.current().name,
        "description": site.current().description,
        "lang": get_language(),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": "#ffffff",
        "categories": ["photo", "social"],
        "icons": _own_icons() or _default_icons(),
        "shortcuts": [{"name": name, "url": reverse(view)} for name, view in shortcuts],
    }
    response = JsonResponse(content, content_type="application/manifest+json")
    response.headers["Cache-Control"] = f"public, max-age={DAY}"
    return response


def _own_icons() -> list[dict[str, Any]]:
    """The logo of the site, if there is one."""
    if not site.current().logo_id:
        return []
    icon = {"src": _icon_url(""), "sizes": f"{LOGO_EDGE}x{LOGO_EDGE}", "type": "image/png"}
    return [icon, icon | {"purpose": "maskable"}]


def _default_icons() -> list[dict[str, Any]]:
    return [
        {"src": static("web/icon.svg"), "sizes": "any", "type": "image/svg+xml"},
        *(_png("icon", size) for size in (192, 512)),
        *(_png("maskable", size) | {"purpose": "maskable"} for size in (192, 512)),
    ]


def _icon_url(default: str) -> str:
    """The URL of the logo, or of a static file."""
    logo_id = site.current().logo_id
    return reverse("web:logo", args=[logo_id]) if logo_id else static(default)


def _png(name: str, size: int) -> dict[str, Any]:
    return {"src": static(f"web/icons/{name}-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"}


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker of all pages. Browsers ask for it again at every visit, and install it if it has changed."""
    page = reverse("web:offline")
    files = [page, *map(static, STORED_FILES), *_own_files()]
    config = {
        "version": _version(files),
        "files": files,
        "offline": page,
        "title": site.current().name,
        "text": _("You have a new notification."),
        "icon": _icon_url("web/icons/icon-192.png"),
        "badge": static("web/icons/badge-96.png"),
    }
    response = render(request, "web/sw.js", {"config": json.dumps(config)}, content_type="text/javascript")
    response.headers["Content-Security-Policy"] = WORKER_POLICY
    response.headers["Service-Worker-Allowed"] = "/"
    response.headers["Cache-Control"] = "no-cache"
    return response


def _own_files() -> list[str]:
    """What the offline page shows of the site's own, besides its name."""
    return [_icon_url("")] if site.current().logo_id else []


def _version(files: list[str]) -> str:
    """Changes with the offline page and with the names of the files, which contain hashes of their contents."""
    content = [*files, render_to_string("web/offline.html", _offline_context())]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:12]


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """The page that the service worker shows without a connection. It is the same for everybody."""
    return render(request, "web/offline.html", _offline_context())


def _offline_context() -> dict[str, Any]:
    return {"site_name": site.current().name, "icon": _icon_url("web/icon.svg")}


@require_safe
def logo(request: HttpRequest, logo_id: UUID) -> HttpResponse:
    """The logo that the operator has uploaded. Raises NotFound for a former one."""
    image = site.logo_image(logo_id)
    if image is None:
        raise NotFound
    return HttpResponse(image, content_type="image/png", headers={"Cache-Control": _FOREVER})


@require_safe
def accent_styles(request: HttpRequest, colour: str) -> HttpResponse:
    """A style sheet that sets the accent colour. Raises NotFound for a colour that the site may not have."""
    accent = f"#{colour}"
    try:
        validate_accent(accent)
    except ValidationError as error:
        raise NotFound from error
    dark = accent_for_dark_theme(accent)
    styles = f":root {{ --accent: light-dark({accent}, {dark}); }}\n"
    return HttpResponse(styles, content_type="text/css; charset=utf-8", headers={"Cache-Control": _FOREVER})


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """For clients that do not read the links of a page."""
    response = redirect(static("web/favicon.ico"))
    response.headers["Cache-Control"] = f"public, max-age={DAY}"
    return response
