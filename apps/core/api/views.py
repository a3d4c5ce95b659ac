"""The base of every view of the API."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest
from django_filters.rest_framework import FilterSet
from django_filters.utils import translate_validation
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from apps.core.api import problems
from apps.core.api.pagination import Fetch, KeysetPagination
from apps.core.api.serializers import EmptySerializer, StrictSerializer
from apps.core.api.throttling import RateLimit

R = TypeVar("R")
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@cache
def _get_filter_form(filterset_class: type[FilterSet], model: type[Model]) -> type[Form]:
    """The form class that validates the filters. A FilterSet makes one for each request from copies of its filters,
    which takes a tenth of the time of a page of notifications."""
    form_class: type[Form] = filterset_class(queryset=model._default_manager.none()).get_form_class()
    return form_class


def _clean(form_class: type[Form], given: Mapping[str, Any]) -> dict[str, Any]:
    form = form_class(given)
    if not form.is_valid():
        raise translate_validation(form.errors)
    return dict(form.cleaned_data)


@cache
def _get_defaults(form_class: type[Form]) -> dict[str, Any]:
    """The values of a request without a query. A form copies all of its fields, which takes 0.3 ms."""
    return _clean(form_class, {})


class BaseViewSet(GenericViewSet[Any]):
    """A GenericViewSet with the rules of this API.

    - An action needs an authenticated user unless `permission_classes` says otherwise.
    - An action takes a body if its serializer class is a `StrictSerializer`; `get_validated_data()` returns the fields.
      Every other action refuses a body.
    - A list pages a queryset with `paginate_queryset`, or the rows of a function in `reads.py` with `paginate`.
    """

    permission_classes = [IsAuthenticated]
    throttle_classes = [RateLimit]
    pagination_class = KeysetPagination
    # The unique column by which a queryset is paged.
    ordering = "-id"
    queryset: QuerySet[Any] | None = None
    filterset_class: type[FilterSet] | None = None
    # {action: scope in RATE_LIMITS}, for actions that have a limit of their own.
    rate_limits: ClassVar[dict[str, str]] = {}
    # Actions that are open to the sessions of suspended accounts, which may do nothing else.
    restricted_actions: ClassVar[frozenset[str]] = frozenset()
    # What `get_filter_values` returned for this request.
    _filter_values: dict[str, Any] | None = None
    # Actions that read one resource and answer with an ETag.
    etag_actions: ClassVar[frozenset[str]] = frozenset({"retrieve"})

    @property
    def caller_id(self) -> UUID:
        """The id of the authenticated user."""
        return cast(UUID, self.request.user.pk)

    def get_permissions(self) -> Sequence[Any]:
        # Without an action the answer is 405 for everybody.
        return [] if self.action is None else super().get_permissions()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action is None or request.method in READ_METHODS:
            return
        if request.data and self.get_body_serializer_class() is None:
            EmptySerializer(data=request.data).is_valid(raise_exception=True)

    # ── Bodies ───────────────────────────────────────────────────────────────────────────────────────────
    def get_serializer_class(self) -> type[BaseSerializer[Any]] | None:  # type: ignore[override]
        """The serializer of the present action; None if it has neither a body nor a serialized response."""
        return self.serializer_class

    def get_body_serializer_class(self) -> type[StrictSerializer] | None:
        """The serializer of the body of the present action; None if it takes no body."""
        serializer_class = self.get_serializer_class()
        takes_body = serializer_class is not None and issubclass(serializer_class, StrictSerializer)
        return cast(type[StrictSerializer], serializer_class) if takes_body else None

    def get_validated_data(self, *, partial: bool = False) -> dict[str, Any]:
        """The validated body of the present action. Raises ValidationError."""
        # Without a content type DRF gives an empty QueryDict.
        data = self.request.data if isinstance(self.request.data, dict) else {}
        serializer = self.get_serializer(data=data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return cast(dict[str, Any], serializer.validated_data)

    # ── Lists ────────────────────────────────────────────────────────────────────────────────────────────
    def get_filter_values(self) -> dict[str, Any]:
        """The filters of the request by name, for rows that do not come from a queryset. Raises ValidationError.

        The view needs a `queryset` nevertheless, such as `Post.objects.none()`: a FilterSet asks for its model. It is
        not `get_queryset()`, because a visibility rule takes milliseconds to compose.
        """
        if self.filterset_class is None:
            return {}
        if self._filter_values is None:
            queryset = self.get_queryset() if self.queryset is None else self.queryset
            # mypy takes a class of a library without types for unhashable.
            form_class = _get_filter_form(self.filterset_class, queryset.model)  # type: ignore[arg-type]
            given = self.request.query_params
            self._filter_values = _clean(form_class, given) if given else dict(_get_defaults(form_class))
        return self._filter_values

    def paginate(
        self,
        fetch: Fetch[R],
        *,
        position: Callable[[R], Any],
        serialize: Callable[[Sequence[R]], Sequence[Any]] | None = None,
        scope: dict[str, Any] | None = None,
    ) -> Response:
        """The requested page of the rows of a function, as a response.

            return self.paginate(
                lambda after, limit: reads.list_notifications(self.caller_id, after=after, limit=limit),
                position=lambda row: row.latest,
            )

        `serialize` renders all rows of the page; the default is the serializer of the action. See
        `KeysetPagination.paginate_rows` for the others.
        """
        paginator = cast(KeysetPagination, self.paginator)
        rows = paginator.paginate_rows(fetch, self.request, self, position=position, scope=scope)
        results = serialize(rows) if serialize else self.get_serializer(rows, many=True).data
        return paginator.get_paginated_response(results)

    # ── Responses ────────────────────────────────────────────────────────────────────────────────────────
    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Let a client keep what has an ETag (ConditionalGetMiddleware makes it), and nothing else."""
        response = super().finalize_response(request, response, *args, **kwargs)
        has_etag = self.action in self.etag_actions and request.method in READ_METHODS and response.status_code == 200
        response.headers.setdefault("Cache-Control", "private, no-cache" if has_etag else problems.NOT_STORED)
        return response

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """The allowed methods, in the header `Allow`."""
        return Response(status=204)


class Endpoint(BaseViewSet):
    """The former base, for the views that are not converted yet.

    - `open_to_all`: actions that serve anonymous callers.
    - `bodies`: {action: serializer}; an action without one takes no body.
    """

    open_to_all: ClassVar[frozenset[str]] = frozenset()
    bodies: ClassVar[dict[str, type[StrictSerializer]]] = {}

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()] if self.action in self.open_to_all or self.action is None else [IsAuthenticated()]

    def get_serializer_class(self) -> type[StrictSerializer] | None:  # type: ignore[override]
        return self.bodies.get(self.action)

    def body(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        """The validated body of the present action. Raises ValidationError."""
        return self.get_validated_data(partial=partial)
