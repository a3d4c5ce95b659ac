"""Middleware for every request: its id, its log line, its headers, its size limit."""

import re
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy as _

from apps.core.api import problems, throttling
from apps.core.api.console import is_console
from apps.core.db.deadline import UNAVAILABLE_ERRORS, QueryDeadline, outage
from apps.core.db.ids import new_id
from apps.core.errors import BodyTooLarge, MalformedRequest, Unavailable
from apps.core.languages import preferred_language
from apps.core.ops.observability import Cost, request_finished
from apps.core.tasks import propagation

log = structlog.get_logger("photogram.request")
Next = Callable[[HttpRequest], HttpResponse]
_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
# `int` accepts signs, spaces, underscores and the digits of every script, and refuses thousands of digits.
_LENGTH = re.compile(r"[0-9]{1,100}")
# Health and metrics report an outage of the database; files do not need it.
_WITHOUT_DATABASE = ("/health/", "/metrics", settings.STATIC_URL)
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def _is_api(request: HttpRequest) -> bool:
    """Whether the request is for the API, not for a page, health or metrics."""
    return request.path_info.startswith("/v1/")


class RequestContextMiddleware:
    """Gives the request its id, and writes a log line and the metrics after the response."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-ID", "")
        request_id = offered if _SANE_REQUEST_ID.fullmatch(offered) else str(new_id())
        request.request_id = request_id  # type: ignore[attr-defined]
        propagation.begin(request_id=request_id)
        started = time.perf_counter()
        with Cost() as cost:
            response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        seconds = time.perf_counter() - started
        route = request.resolver_match.route if request.resolver_match else "unrouted"
        method = request.method if request.method in _METHODS else "OTHER"
        request_finished(method, route, response.status_code, seconds, cost)
        log.info(
            "request",
            method=method,
            route=route,
            status=response.status_code,
            duration_ms=round(seconds * 1000, 1),
            database_ms=round(cost.database_seconds * 1000, 1),
            queries=cost.queries,
            cache_ms=round(cost.cache_seconds * 1000, 1),
            # DRF sets both; without `auth`, reading `user` would read the session.
            user_id=str(request.user.pk) if getattr(request, "auth", None) else None,
        )
        return response


class LanguageMiddleware:
    """Makes the texts of the response in the language of the request (`preferred_language`).

    The console stays English. Pages of members are in their own language (`WebSessionMiddleware`).
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = preferred_language(request)
        if language == settings.LANGUAGE_CODE or is_console(request):
            return self.get_response(request)
        with translation.override(language):
            return self.get_response(request)


class TrailingSlashMiddleware:
    """A trailing slash of an API path is accepted and never required; there is no redirect."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _is_api(request) and request.path_info.endswith("/"):
            request.path_info = request.path_info[:-1]
        return self.get_response(request)


class SecurityHeadersMiddleware:
    """The Content-Security-Policy, closed for everything but HTML pages, and the headers that every API response has.

    Headers that are set already are kept.
    """

    CLOSED = "default-src 'none'; frame-ancestors 'none'"
    # Inline scripts do not run. 'unsafe-eval' is for Alpine, which evaluates attributes of the templates of unfold. Its
    # build without it cannot replace it: that one runs no function that is not registered, such as `searchForm()`, and
    # knows no globals, such as `localStorage`. Pages of members have a policy of their own, without it.
    PAGES = (
        "default-src 'self'; img-src 'self' data: blob: {cdn}; style-src 'self' 'unsafe-inline'; "
        "script-src 'self' 'unsafe-eval'; worker-src 'self' blob:; "
        "font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        cdn = f"{settings.MEDIA_CDN_URL.split('/', 3)[2]} {settings.S3_PUBLIC_ENDPOINT_URL}"
        self.pages = self.PAGES.format(cdn=cdn)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        headers = response.headers
        is_page = headers.get("Content-Type", "").startswith("text/html")
        headers.setdefault("Content-Security-Policy", self.pages if is_page else self.CLOSED)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        if _is_api(request):
            headers.setdefault("Cache-Control", problems.NOT_STORED)
            # CorsMiddleware adds Origin.
            patch_vary_headers(response, ["Authorization", "Accept-Language"])
            for name, value in request.META.get(throttling.HEADERS, {}).items():
                # A 429 has the numbers of the limit that refused the request.
                headers.setdefault(name, value)
        return response


class OutageMiddleware:
    """Answers 503 in time while the database is unavailable, outside DRF views as well."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if outage.active and not request.path_info.startswith(_WITHOUT_DATABASE):
            return problems.problem_response(Unavailable(), request)
        with QueryDeadline():
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, UNAVAILABLE_ERRORS):
            return problems.problem_response(problems.refusal_for(exception), request)
        return None


class BodyLimitMiddleware:
    """Refuses bodies over REQUEST_MAX_BYTES before they are read, and reads all others to their end.

    gunicorn closes a connection on which a body is left unread, although it has announced to keep it open. The next
    request on this connection would fail.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not _LENGTH.fullmatch(length):
            return problems.problem_response(MalformedRequest(_("Content-Length is not a number.")), request)
        if _has_chunks(request):
            return problems.problem_response(MalformedRequest(_("Send the body with a Content-Length.")), request)
        if int(length) > settings.REQUEST_MAX_BYTES:
            # `pre_request` in config/gunicorn.py closes the connection.
            return problems.problem_response(BodyTooLarge(), request)
        response = self.get_response(request)
        with suppress(UnreadablePostError, RequestDataTooBig):
            request.read()
        return response


def _has_chunks(request: HttpRequest) -> bool:
    """Whether the request has a body in chunks, which Django takes for an empty one."""
    if "HTTP_TRANSFER_ENCODING" not in request.META:
        return False
    try:
        return bool(request.META["wsgi.input"].read(1))
    except Exception:  # whatever the server raises for a malformed chunk
        return True
