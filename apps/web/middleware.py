"""Middleware of the pages: who is signed in, the headers of pages, and errors as pages."""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import translation
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import APIException

from apps.core.api import problems, throttling
from apps.core.api.console import is_console
from apps.core.errors import DomainError, MethodNotAllowed
from apps.core.languages import closest_language
from apps.core.time_zones import show_dates_in
from apps.web import restricted, sessions
from apps.web.errors import render_problem

Next = Callable[[HttpRequest], HttpResponse]
# Other paths belong to clients of the API, to probes and to the console.
_NOT_PAGES = ("/v1/", "/health/", "/metrics", settings.STATIC_URL)


def is_page(request: HttpRequest) -> bool:
    """Whether the request is for a page of members or one of its resources."""
    return not request.path_info.startswith(_NOT_PAGES) and not is_console(request)


class ErrorPageMiddleware:
    """Turns problem documents into pages for browsers, and domain errors of views into problem documents.

    Paths of the API, of probes and of the console keep problem documents, and so do clients that accept no HTML.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and is_page(request):
            allow = response.headers["Allow"]
            response = problems.problem_response(MethodNotAllowed(headers={"Allow": allow}), request)
        is_problem = response.headers.get("Content-Type") == problems.CONTENT_TYPE
        if is_problem and is_page(request) and _accepts_html(request):
            # The session, and with it the member's language, is not known here.
            with translation.override(response.headers["Content-Language"]):
                page = render_problem(request, json.loads(response.content))
            # The document's own headers, for example Retry-After.
            for name, value in response.headers.items():
                if name not in {"Content-Type", "Content-Length"}:
                    page.headers[name] = value
            page.cookies = response.cookies
            return page
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if is_page(request) and isinstance(exception, DomainError | APIException):
            return problems.problem_response(problems.refusal_for(exception), request)
        return None


def _accepts_html(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")


class WebSessionMiddleware:
    """Sets `request.user` and `request.auth` of pages from the cookie of the browser's session, and their language and
    time zone. Refuses suspended members what is not open to them."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_page(request):
            return self.get_response(request)
        found = sessions.read_session(request)
        request.user, auth = found or (AnonymousUser(), None)
        request.auth = auth  # type: ignore[attr-defined]
        # For DRF's request, which shares META.
        request.META[sessions.META_KEY] = found
        with translation.override(_language(request)), show_dates_in(getattr(request.user, "time_zone", "")):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language())
        # ConditionalGetMiddleware makes no ETag of what is not stored.
        response.headers.setdefault("Cache-Control", problems.NOT_STORED)
        # What a cache gives to others must not contain the cookie. A view that signs in or out has set it itself.
        is_private = "private" in response.headers["Cache-Control"]
        if is_private and settings.WEB_SESSION_COOKIE not in response.cookies:
            if auth and auth.is_old:
                sessions.renew(response, auth)
            elif auth is None and settings.WEB_SESSION_COOKIE in request.COOKIES:
                sessions.delete_cookie(response)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if is_page(request) and getattr(request.user, "is_restricted", False):
            return restricted.refuse(request)
        return None


def _language(request: HttpRequest) -> str:
    """The language of the member's settings, or that which an anonymous browser prefers (`LanguageMiddleware`)."""
    return translation.get_language() if request.user.pk is None else closest_language(request.user.locale)


class PageHeadersMiddleware:
    """The Content-Security-Policy and the caching of pages. Headers that are set already are kept."""

    POLICY = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data: {cdn} {storage}; "
        "connect-src 'self' {storage}; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        cdn, storage = _origin(settings.MEDIA_CDN_URL), _origin(settings.S3_PUBLIC_ENDPOINT_URL)
        self.policy = self.POLICY.format(cdn=cdn, storage=storage)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not is_page(request):
            return response
        # After signing out, the back button must not show a page from the browser's memory.
        response.headers.setdefault("Cache-Control", problems.NOT_STORED)
        patch_vary_headers(response, ["Cookie", "HX-Request", "Accept-Language"])
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", self.policy)
        for name, value in _limit_headers(request).items():
            response.headers.setdefault(name, value)
        return response


def _limit_headers(request: HttpRequest) -> dict[str, Any]:
    headers: dict[str, Any] = request.META.get(throttling.HEADERS, {})
    return headers


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])
