"""The base of every endpoint."""

import functools
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.http import HttpRequest
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from apps.core import cache
from apps.core.api import problems
from apps.core.api.fields import Body, Nothing
from apps.core.api.responses import Response
from apps.core.api.throttling import RateLimit

B = TypeVar("B", bound=Body)


@functools.cache
def _checking(serializer: type[Serializer[Any]], *, partial: bool) -> Serializer[Any]:
    """One for all requests: each of its own would copy its fields, which takes longer than to check a body. It holds
    nothing of a body."""
    return serializer(partial=partial)


class Endpoint(ViewSet):
    """Everything needs a token but the actions named `open_to_all`; a bad token is 401 there, too.

    - `open_to_all`: actions that serve anonymous callers.
    - `bodies`: {action: serializer}; an action without one takes no body.
    - `rate_limits`: {action: scope} where the general limits do not fit.
    - `etagged`: actions that read one resource and answer with an ETag.
    """

    throttle_classes = [RateLimit]
    open_to_all: ClassVar[frozenset[str]] = frozenset()
    bodies: ClassVar[dict[str, type[Body]]] = {}
    rate_limits: ClassVar[dict[str, str]] = {}
    etagged: ClassVar[frozenset[str]] = frozenset({"retrieve"})

    def asks_along(self, request: Request, user_id: UUID) -> cache.Question | None:
        """What the present action will need of Redis. It is asked together with who is calling: of the person whom the
        token names, before it is known whether the token still holds. The answer is `answered_along`."""
        return None

    @property
    def answered_along(self) -> Any:
        """None if nothing was asked, or Redis gave no answer."""
        return getattr(self.request.auth, "along", None)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Nothing: which methods are allowed is said where somebody asks, or has used another one."""
        return {}

    @property
    def caller_id(self) -> UUID:
        """The caller, on an action that needs a token."""
        return cast(UUID, self.request.user.pk)

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()] if self.action in self.open_to_all or self.action is None else [IsAuthenticated()]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """DRF's. Its view, request and answer hold each other, and themselves, and would stay until the next garbage
        collection. Let go, they leave their memory to the next request while the processor still has it at hand."""
        response = super().dispatch(request, *args, **kwargs)
        self.request.parser_context.clear()
        vars(self).clear()
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Without an action the method is none of these, whatever came with it.
        takes_nothing = self.action is not None and self.action not in self.bodies
        if takes_nothing and request.method not in {"GET", "HEAD", "OPTIONS"} and request.data:
            self._validated(Nothing, request)

    def body(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        """The validated body of the present action. Raises ValidationError."""
        return self._validated(self.bodies[self.action], request, partial=partial)

    @staticmethod
    def _validated(serializer: type[Serializer[Any]], request: Request, *, partial: bool = False) -> dict[str, Any]:
        # An empty body without a content type is DRF's empty QueryDict.
        given = request.data if isinstance(request.data, dict) else {}
        validated: dict[str, Any] = _checking(serializer, partial=partial).run_validation(given)
        return validated

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        etagged = self.action in self.etagged and request.method in {"GET", "HEAD"} and response.status_code == 200
        # EtagMiddleware makes the ETag of what may be kept.
        response.headers.setdefault("Cache-Control", "private, no-cache" if etagged else problems.NOT_STORED)
        return response

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return Response(status=204, headers={"Allow": ", ".join(self.allowed_methods)})
