"""What the API answers."""

from collections.abc import Collection, Mapping
from typing import Any

from django.http import HttpResponse

from apps.core.api.renderers import JSONRenderer, dumps


def stored(headers: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Headers of our own making, of ASCII and on one line, as Django keeps headers when it has checked and converted
    each."""
    return {name.lower(): (name, value) for name, value in headers.items()}


def set_headers(response: HttpResponse, headers: Mapping[str, str]) -> None:
    response.headers._store.update(stored(headers))


class Response(HttpResponse):
    """`data` as JSON; None is no body.

    DRF's own is a template, rendered when the view has returned, in the format that was negotiated. There is one format
    here.
    """

    def __init__(
        self,
        data: Any = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = JSONRenderer.media_type,
    ) -> None:
        body = b"" if data is None else dumps(data)
        super().__init__(body, content_type=content_type, status=status, headers=headers)
        if data is None:
            del self.headers["Content-Type"]

    def items(self) -> Collection[tuple[str, str]]:
        """The headers, for the server. Django's would look up each by its name."""
        kept: dict[str, tuple[str, str]] = self.headers._store
        return kept.values()
