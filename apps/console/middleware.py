"""Input that no page of the console can use."""

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.deprecation import MiddlewareMixin

from apps.core.api import problems
from apps.core.api.console import is_console
from apps.core.errors import MalformedRequest, NotFound


class NullCharacterMiddleware(MiddlewareMixin):
    """Refuses the character NUL in paths, queries and forms of the console. PostgreSQL cannot compare it, and Django's
    admin passes filters and keys to the database as they are."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if not is_console(request):
            return None
        if "\0" in request.path_info:
            return problems.problem_response(NotFound(), request)
        if _has_null(request.GET) or (request.method == "POST" and _has_null(request.POST)):
            return problems.problem_response(MalformedRequest("A value contains the character NUL."), request)
        return None


def _has_null(values: QueryDict) -> bool:
    return any("\0" in text for name, texts in values.lists() for text in (name, *texts))
