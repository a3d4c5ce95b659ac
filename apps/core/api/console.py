"""Which requests are for the console."""

from functools import cache

from django.http import HttpRequest
from django.urls import reverse


def is_console(request: HttpRequest) -> bool:
    """Whether the request is for a page of the console."""
    return request.path_info.startswith(_prefix())


@cache
def _prefix() -> str:
    """Found once, because several middlewares ask for every request."""
    return reverse("admin:index")
