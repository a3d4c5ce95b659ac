"""What every request passes through, outside DRF: its id, its one log line, its headers, its size limit."""

import re
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import structlog
from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.http import ConditionalGetMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.cache import patch_vary_headers

from apps.core.api import problems
from apps.core.api.responses import set_headers, stored
from apps.core.db.deadline import UNAVAILABLE_ERRORS, QueryDeadline, outage
from apps.core.db.ids import new_id
from apps.core.errors import BodyTooLarge, MalformedRequest, Unavailable
from apps.core.ops.observability import Cost, request_finished
from apps.core.tasks import propagation

log = structlog.get_logger("photogram.request")
Next = Callable[[HttpRequest], HttpResponse]
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def _is_api(request: HttpRequest) -> bool:
    """Of the API, and no page of ours, nor what machines ask of the service itself."""
    return request.path_info.startswith("/v1/")


class RequestContextMiddleware:
    """Gives the request its id, and writes one log line and the metrics when it is answered."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # `request.headers` would make a mapping of all of them, which nobody else here needs.
        offered = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = offered if _SANE_REQUEST_ID.fullmatch(offered) else str(new_id())
        request.request_id = request_id  # type: ignore[attr-defined]
        propagation.begin(request_id=request_id)
        started = time.perf_counter()
        with Cost() as cost:
            response = self.get_response(request)
        set_headers(response, {"X-Request-ID": request_id})
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
            user_id=getattr(request, "authenticated_id", None),
        )
        return response


_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}


class TrailingSlashMiddleware:
    """A trailing slash of an API path is accepted and never required; there is no redirect."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _is_api(request) and request.path_info.endswith("/"):
            request.path_info = request.path_info[:-1]
        return self.get_response(request)


class SecurityHeadersMiddleware:
    """A closed Content-Security-Policy on the API, one for our own pages elsewhere; privacy in shared caches."""

    CLOSED = "default-src 'none'; frame-ancestors 'none'"
    # A script that stands in a page is not run. 'unsafe-eval' is for Alpine, with which the console's templates work.
    PAGES = (
        "default-src 'self'; img-src 'self' data: blob: {cdn}; style-src 'self' 'unsafe-inline'; "
        "script-src 'self' 'unsafe-eval'; worker-src 'self' blob:; "
        "font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )

    VARY = ("Authorization", "Origin")

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        storage = settings.S3_PUBLIC_ENDPOINT_URL
        self.pages = self.PAGES.format(cdn=f"{settings.MEDIA_CDN_URL.split('/', 3)[2]} {storage}")
        # {(whether it is the API's, whether it is HTML): what is the same of all such answers}
        kinds = [(api, html) for api in (True, False) for html in (True, False)]
        self._constant = {kind: stored(self._headers(*kind)) for kind in kinds}

    def _headers(self, api: bool, html: bool) -> dict[str, str]:
        headers = {"Content-Security-Policy": self.pages if html else self.CLOSED, "X-Content-Type-Options": "nosniff"}
        if api:
            headers |= {"Cache-Control": problems.NOT_STORED, "Vary": ", ".join(self.VARY)}
        return headers

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        headers, api = response.headers, _is_api(request)
        if api:
            set_headers(response, getattr(request, "rate_limit_headers", {}))
            if "Vary" in headers:
                patch_vary_headers(response, self.VARY)
        html = headers.get("Content-Type", "").startswith("text/html")
        # What has been set already stays.
        headers._store = self._constant[api, html] | headers._store
        return response


class CrossOriginMiddleware(CorsMiddleware):
    """For what comes from a page of another origin: the library reads all headers of each request to find out, and says
    that answers vary by origin, which `SecurityHeadersMiddleware` says of all."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return cast(
            HttpResponse, super().__call__(request) if "HTTP_ORIGIN" in request.META else self.get_response(request)
        )


class OutageMiddleware:
    """The database away, outside a DRF view as well: a 503 problem, and in time."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Health and metrics are asked for what is the case, and are always let through.
        if outage.active and _is_api(request):
            return problems.answer(Unavailable(), request)
        with QueryDeadline():
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, UNAVAILABLE_ERRORS):
            return problems.answer(problems.refusal_for(exception), request)
        return None


class BodyLimitMiddleware:
    """Bodies over REQUEST_MAX_BYTES, announced or sent without a length, are refused before they are read."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            return problems.answer(MalformedRequest(), request)
        if length > settings.REQUEST_MAX_BYTES:
            return problems.answer(BodyTooLarge(), request)
        return self.get_response(request)


class EtagMiddleware:
    """As Django's, which would read the headers of what must not be stored as well."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.conditional: Any = ConditionalGetMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.headers.get("Cache-Control") != problems.NOT_STORED:
            return cast(HttpResponse, self.conditional.process_response(request, response))
        return response


class _Behind(threading.local):
    """What `PagesEndMiddleware` was given last. Middleware are made from the last to the first, by one thread."""

    pages: Next


_behind = _Behind()


class PagesBeginMiddleware:
    """From here to `PagesEndMiddleware` the middleware are for our pages alone: cookies, sessions, forms, frames,
    static files. The API has tokens, and its requests go on behind them, with their share of what these do."""

    def __init__(self, get_response: Next) -> None:
        self.pages, self.api = get_response, _behind.pages
        # Of what it tells browsers, only that the host is to be reached by TLS concerns more than pages.
        transport: Any = SecurityMiddleware(get_response)
        transport.content_type_nosniff = False
        transport.referrer_policy = transport.cross_origin_opener_policy = None
        self.transport = transport

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_api(request):
            return self.pages(request)
        # As CommonMiddleware: raises DisallowedHost.
        request.get_host()
        response = self.api(request)
        set_headers(response, {"Content-Length": str(len(response.content))})
        return cast(HttpResponse, self.transport.process_response(request, response))


class PagesEndMiddleware:
    def __init__(self, get_response: Next) -> None:
        self.get_response = _behind.pages = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)
