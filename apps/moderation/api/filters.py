"""What the lists can be asked: closed lists of values, ids and moments; anything else is a 400 that names it."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from apps.accounts.models import User
from apps.core.db.ids import parse_id
from apps.core.errors import Invalid
from apps.moderation.models import Appeal, Category, Flag, ModerationAction, TargetType
from apps.moderation.querysets import Inquiry
from apps.social.api.profiles import filter_by_identifier

NOBODY = UUID(int=0)


def one_of(request: Request, name: str, values: Collection[str]) -> str | None:
    given = request.query_params.get(name)
    if given is not None and given not in values:
        raise Invalid(**{name: ("invalid_choice", f"One of {', '.join(values)}.")})
    return given


def inquiry(request: Request) -> Inquiry:
    """Raises Invalid."""
    return Inquiry(
        actor=_actor(request),
        action=one_of(request, "action", ModerationAction.Action.values),
        target_type=one_of(request, "target_type", TargetType.values),
        target_id=_id(request, "target_id"),
        since=_moment(request, "since"),
        until=_moment(request, "until"),
    )


def _actor(request: Request) -> UUID | None:
    """As in paths; who has been erased has nothing but an id left."""
    given = request.query_params.get("actor")
    if given is None or not (given == "me" or given.startswith("@")):
        return _id(request, "actor")
    person = filter_by_identifier(User.objects.all(), request, given).values_list("pk", flat=True).first()
    return person or NOBODY


def _id(request: Request, name: str) -> UUID | None:
    given = request.query_params.get(name)
    if given is None:
        return None
    pk = parse_id(given)
    if pk is None:
        raise Invalid(**{name: ("invalid", "A UUID, in lower case.")})
    return pk


def _moment(request: Request, name: str) -> datetime | None:
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        moment: datetime = serializers.DateTimeField().to_internal_value(given)
    except serializers.ValidationError as error:
        raise Invalid(**{name: ("invalid", "A time as in 2026-11-23T16:14:05.123Z.")}) from error
    return moment


STATUS = OpenApiParameter("status", str, enum=Flag.Status.values)
CATEGORY = OpenApiParameter("category", str, enum=Category.values)
APPEAL_STATUS = OpenApiParameter("status", str, enum=Appeal.Status.values)
AUDIT = [
    OpenApiParameter("actor", str, description="Who did it: a user id, `@handle` or `me`."),
    OpenApiParameter("action", str, enum=ModerationAction.Action.values),
    OpenApiParameter("target_type", str, enum=TargetType.values),
    OpenApiParameter("target_id", str, description="The user, post or comment that was acted on."),
    OpenApiParameter("since", str, description="From this moment on; RFC 3339."),
    OpenApiParameter("until", str, description="Before this moment; RFC 3339."),
]
