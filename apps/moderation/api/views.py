"""Reports, the decisions of moderators, the audit, and appeals."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from apps.accounts.api.authentication import OptionalBearerAuthentication
from apps.accounts.models import User
from apps.accounts.querysets import UserQuerySet
from apps.accounts.services import InvalidLink
from apps.accounts.two_factor import TwoFactorRequired
from apps.content.api.posts import find_post, find_reviewable_post
from apps.content.models import Post
from apps.core.api.addresses import client_network
from apps.core.api.idempotency import idempotent
from apps.core.api.schema import documented
from apps.core.api.throttling import Bucket, SecretRateLimit
from apps.core.api.views import BaseViewSet
from apps.core.errors import DomainError, Invalid, NotFound, Unauthorized
from apps.engagement.api.comments import find_comment, find_reviewable_comment
from apps.engagement.models import Comment
from apps.moderation import reporters, services
from apps.moderation.api import filters, serializers
from apps.moderation.api.permissions import IsModerator
from apps.moderation.appeals import objections, statements
from apps.moderation.cases import measures, queue
from apps.moderation.models import Appeal, Flag, ModerationAction
from apps.moderation.querysets import ActionQuerySet, AppealQuerySet, FlagQuerySet
from apps.moderation.roles import CannotModerate
from apps.social.api.profiles import filter_by_identifier, get_user_or_404

FLAG = {201: serializers.FlagSerializer, 200: serializers.FlagSerializer}
ACTION = {200: serializers.ModerationActionSerializer}
MODERATORS_ONLY = [services.ModeratorRequired, TwoFactorRequired]
DECISION_ERRORS = [*MODERATORS_ONLY, CannotModerate]

post_action = partial(action, detail=True, methods=["post"])
report_action = partial(
    post_action, permission_classes=[IsAuthenticated], serializer_class=serializers.MakeFlagSerializer
)


def decision(
    *,
    operation_id: str,
    summary: str,
    description: str = "",
    errors: Sequence[type[DomainError]] = (),
    serializer_class: type[Serializer[Any]] = serializers.TakeDownSerializer,
    url_path: str | None = None,
    idempotency_key: bool = False,
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """A decision of moderators: an `@action` that is `@documented`. `errors`: those besides DECISION_ERRORS."""
    document = documented(
        operation_id=operation_id,
        summary=summary,
        description=description,
        responses=ACTION,
        errors=[*DECISION_ERRORS, *errors],
        idempotency_key=idempotency_key,
    )
    route = post_action(permission_classes=[IsModerator], serializer_class=serializer_class, url_path=url_path)

    def decorate(method: Callable[..., Response]) -> Callable[..., Response]:
        return document(route(idempotent(method) if idempotency_key else method))

    return decorate


class TargetViewSet(BaseViewSet):
    """Reports of one kind of target, by all users, and decisions about it, by moderators.

    A report answers 201 if it is new, and 200 while the same user has an open one. A decision answers with the action;
    repeated, it answers with the first one.
    """

    permission_classes = [IsModerator]
    rate_limits = {"flag": "flag"}

    @property
    def moderator(self) -> User:
        return cast(User, self.request.user)

    def report(self, row: User | Post | Comment) -> Response:
        flag, is_new = services.flag(row, by=self.caller_id, **self.get_validated_data())
        return Response(serializers.FlagSerializer(flag).data, status=201 if is_new else 200)

    def decide(self, service: Callable[..., ModerationAction], row: User | Post | Comment) -> Response:
        made = service(row, by=self.moderator, **self.get_validated_data())
        decided = ModerationAction.objects.with_outcome().get(pk=made.pk)
        return Response(serializers.ModerationActionSerializer(decided).data)


def get_any_user_or_404(request: Request, identifier: str) -> User:
    """Accounts in every state, and those that block the moderator. Raises NotFound."""
    users: UserQuerySet = User.objects.not_erased()
    person: User | None = filter_by_identifier(users, request, identifier).first()
    if person is None:
        raise NotFound
    return person


@extend_schema(tags=["Moderation"])
class UserModerationViewSet(TargetViewSet):
    lookup_url_kwarg = "user"
    lookup_value_converter = "str"

    @documented(
        operation_id="reportUser",
        summary="Report a user",
        description="Accounts that the caller blocks can be reported, too.",
        responses=FLAG,
        errors=[services.CannotFlagSelf],
    )
    @report_action()
    def flag(self, request: Request, user: str) -> Response:
        return self.report(get_user_or_404(request, user, include_blocked=True))

    @decision(
        operation_id="suspendUser",
        summary="Suspend a user",
        description="Another reason or end replaces a suspension.",
        errors=[services.SecondPairOfEyesRequired],
        serializer_class=serializers.SuspendSerializer,
    )
    def suspend(self, request: Request, user: str) -> Response:
        return self.decide(services.suspend, get_any_user_or_404(request, user))

    @decision(
        operation_id="limitUser",
        summary="Limit the reach of a user",
        description="The account and its posts are not in explore, search, suggestions and lists of tags.",
    )
    def limit(self, request: Request, user: str) -> Response:
        return self.decide(measures.limit_account, get_any_user_or_404(request, user))

    @decision(
        operation_id="warnUser",
        summary="Warn a user",
        description="A message with the reason, without further effect. Each call is a new warning.",
        idempotency_key=True,
    )
    def warn(self, request: Request, user: str) -> Response:
        return self.decide(measures.warn, get_any_user_or_404(request, user))

    @decision(
        operation_id="unsuspendUser",
        summary="Unsuspend a user",
        errors=[services.NothingToUndo],
        serializer_class=serializers.RestoreSerializer,
    )
    def unsuspend(self, request: Request, user: str) -> Response:
        return self.decide(services.unsuspend, get_any_user_or_404(request, user))


@extend_schema(tags=["Moderation"])
class PostModerationViewSet(TargetViewSet):
    lookup_url_kwarg = "post_id"
    lookup_value_converter = "uuid"

    @documented(operation_id="reportPost", summary="Report a post", responses=FLAG, errors=[services.CannotFlagSelf])
    @report_action()
    def flag(self, request: Request, post_id: UUID) -> Response:
        return self.report(find_post(request, post_id))

    @decision(operation_id="takeDownPost", summary="Take down a post")
    def takedown(self, request: Request, post_id: UUID) -> Response:
        return self.decide(services.take_down_post, find_reviewable_post(request, post_id))

    @decision(
        operation_id="markPostSensitive",
        summary="Mark a post as sensitive",
        description="Its author cannot change this until the action is undone.",
        url_path="mark-sensitive",
    )
    def mark_sensitive(self, request: Request, post_id: UUID) -> Response:
        return self.decide(measures.mark_sensitive, find_reviewable_post(request, post_id))

    @decision(
        operation_id="limitPost",
        summary="Limit the reach of a post",
        description="It is not in explore, search and lists of tags.",
    )
    def limit(self, request: Request, post_id: UUID) -> Response:
        return self.decide(measures.limit_post, find_reviewable_post(request, post_id))

    @decision(
        operation_id="restorePost",
        summary="Restore a post",
        errors=[services.NothingToUndo],
        serializer_class=serializers.RestoreSerializer,
    )
    def restore(self, request: Request, post_id: UUID) -> Response:
        return self.decide(services.restore_post, find_reviewable_post(request, post_id))


@extend_schema(tags=["Moderation"])
class CommentModerationViewSet(TargetViewSet):
    lookup_url_kwarg = "comment_id"
    lookup_value_converter = "uuid"

    @documented(
        operation_id="reportComment", summary="Report a comment", responses=FLAG, errors=[services.CannotFlagSelf]
    )
    @report_action()
    def flag(self, request: Request, comment_id: UUID) -> Response:
        return self.report(find_comment(request, comment_id))

    @decision(operation_id="takeDownComment", summary="Take down a comment")
    def takedown(self, request: Request, comment_id: UUID) -> Response:
        return self.decide(services.take_down_comment, find_reviewable_comment(request, comment_id))

    @decision(
        operation_id="restoreComment",
        summary="Restore a comment",
        errors=[services.NothingToUndo],
        serializer_class=serializers.RestoreSerializer,
    )
    def restore(self, request: Request, comment_id: UUID) -> Response:
        return self.decide(services.restore_comment, find_reviewable_comment(request, comment_id))


@extend_schema(tags=["Moderation"])
class FlagViewSet(BaseViewSet):
    permission_classes = [IsModerator]
    serializer_class = serializers.FlagSerializer
    filterset_class = filters.FlagFilter
    lookup_url_kwarg = "flag_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> FlagQuerySet:
        return Flag.objects.listed()

    @documented(
        operation_id="listReports",
        summary="List reports",
        page_of=serializers.FlagSerializer,
        errors=[*MODERATORS_ONLY, Invalid],
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(
        operation_id="closeReport",
        summary="Close a report",
        responses={200: serializers.FlagSerializer},
        errors=[*DECISION_ERRORS, services.FlagClosed],
    )
    @action(detail=True, methods=["post"], serializer_class=serializers.ResolveFlagSerializer)
    def resolve(self, request: Request, flag_id: UUID) -> Response:
        flag = services.resolve_flag(self.get_object(), by=cast(User, request.user), **self.get_validated_data())
        return Response(serializers.FlagSerializer(flag).data)


@extend_schema(tags=["Moderation"])
class OwnFlagViewSet(BaseViewSet):
    """The reports of the caller, also about content and accounts that are hidden or deleted since."""

    serializer_class = serializers.OwnFlagSerializer
    rate_limits = {"object_to": "flag"}
    lookup_url_kwarg = "report_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> FlagQuerySet:
        return Flag.objects.made_by(self.caller_id)

    @documented(
        operation_id="listOwnReports",
        summary="List own reports",
        description="With status, outcome and reason.",
        page_of=serializers.OwnFlagSerializer,
    )
    def list(self, request: Request) -> Response:
        page = cast(list[Flag], self.paginate_queryset(self.get_queryset()))
        reports = reporters.describe(page, self.caller_id)
        return self.get_paginated_response([serializers.serialize_own_report(report) for report in reports])

    @documented(
        operation_id="getOwnReport", summary="Get an own report", responses={200: serializers.OwnFlagSerializer}
    )
    def retrieve(self, request: Request, report_id: UUID) -> Response:
        return Response(self._representation(self.get_object()))

    @documented(
        operation_id="objectToDismissal",
        summary="Object to the dismissal of a report",
        description="Once, within six months. A moderator who did not dismiss the report reviews it.",
        responses={201: serializers.OwnFlagSerializer},
        errors=[objections.NotObjectable, objections.AlreadyObjected],
    )
    @action(detail=True, methods=["post"], url_path="object", serializer_class=serializers.ObjectSerializer)
    def object_to(self, request: Request, report_id: UUID) -> Response:
        flag = self.get_object()
        objections.object_to(flag, by=self.caller_id, text=self.get_validated_data()["text"])
        return Response(self._representation(flag), status=201)

    def _representation(self, flag: Flag) -> dict[str, Any]:
        [report] = reporters.describe([flag], self.caller_id)
        return serializers.serialize_own_report(report)


@extend_schema(tags=["Moderation"])
class AuditViewSet(BaseViewSet):
    permission_classes = [IsModerator]
    serializer_class = serializers.ModerationActionSerializer
    filterset_class = filters.ActionFilter

    def get_queryset(self) -> ActionQuerySet:
        return ModerationAction.objects.with_outcome()

    @documented(
        operation_id="listModerationActions",
        summary="List moderation actions",
        page_of=serializers.ModerationActionSerializer,
        errors=[*MODERATORS_ONLY, Invalid],
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class AppealRateLimit(SecretRateLimit):
    """The limit of appeals and statements with the token of a mail."""

    def get_secret_bucket(self, request: Request, view: Any, body: dict[str, Any]) -> Bucket | None:
        match body or request.query_params:
            case {"token": str(token)}:
                return get_link_bucket(request, token, view.kwargs["action_id"])
        return None


def get_link_bucket(request: HttpRequest | Request, token: str, action_id: UUID) -> Bucket:
    """The limit in which a request with the token of a mail is counted: of the action, or of an unknown token."""
    is_known = statements.opens_appeal(token, action_id)
    return "token", str(action_id) if is_known else client_network(request)


def get_own_action(request: HttpRequest | Request, action_id: UUID, token: str | None) -> ModerationAction:
    """The action, for the affected user: signed in, or with the token of the mail.

    Raises InvalidLink for another token, Unauthorized without one, and NotFound for other users.
    """
    actions = ModerationAction.objects.with_outcome().filter(pk=action_id)
    if token is not None:
        if not statements.opens_appeal(token, action_id):
            raise InvalidLink
        actions = actions.filter(affected_id__isnull=False)
    elif request.user.pk is None:
        raise Unauthorized
    else:
        actions = actions.filter(affected_id=request.user.pk)
    action = actions.first()
    if action is None:
        raise NotFound
    return action


@extend_schema(tags=["Moderation"])
class OwnActionViewSet(BaseViewSet):
    restricted_actions = frozenset({"list"})
    serializer_class = serializers.DecisionSerializer

    def get_queryset(self) -> ActionQuerySet:
        return ModerationAction.objects.for_affected(self.caller_id)

    @documented(
        operation_id="listOwnModerationActions",
        summary="List own moderation actions",
        description="Those that affected the caller, with the statement of reasons and the state of the appeal.",
        page_of=serializers.DecisionSerializer,
    )
    def list(self, request: Request) -> Response:
        page = cast(list[ModerationAction], self.paginate_queryset(self.get_queryset()))
        return self.get_paginated_response([serializers.serialize_decision(row) for row in page])


@extend_schema(tags=["Moderation"])
class ActionViewSet(BaseViewSet):
    restricted_actions = frozenset({"appeal", "statement"})
    lookup_url_kwarg = "action_id"
    lookup_value_converter = "uuid"

    @documented(
        operation_id="appealModerationAction",
        summary="Appeal a moderation action",
        description="As the affected user, signed in or with the token of the mail.",
        responses={201: serializers.AppealSerializer},
        errors=[Unauthorized, InvalidLink, services.AlreadyAppealed, services.NotAppealable],
    )
    @action(
        detail=True,
        methods=["post"],
        authentication_classes=[OptionalBearerAuthentication],
        permission_classes=[AllowAny],
        throttle_classes=[AppealRateLimit],
        serializer_class=serializers.MakeAppealSerializer,
    )
    def appeal(self, request: Request, action_id: UUID) -> Response:
        body = self.get_validated_data()
        appealed = get_own_action(request, action_id, body.get("token"))
        appeal = services.appeal(appealed, by=cast(UUID, appealed.affected_id), text=body["text"])
        return Response(serializers.AppealSerializer(appeal).data, status=201)

    @decision(
        operation_id="undoModerationAction",
        summary="Undo a moderation action",
        description="As a moderator: a measure that is in force. Returns the action that reverses it.",
        errors=[services.NothingToUndo],
        serializer_class=serializers.UndoSerializer,
    )
    def undo(self, request: Request, action_id: UUID) -> Response:
        action = ModerationAction.objects.with_outcome().filter(pk=action_id).first()
        if action is None:
            raise NotFound
        made = queue.undo(action, by=cast(User, request.user), **self.get_validated_data())
        undone = ModerationAction.objects.with_outcome().get(pk=made.pk)
        return Response(serializers.ModerationActionSerializer(undone).data)

    @documented(
        operation_id="getStatement",
        summary="Get the reasons for a moderation action",
        description="As the affected user, signed in or with the token of the mail.",
        responses={200: serializers.DecisionSerializer},
        errors=[Unauthorized, InvalidLink],
        parameters=[OpenApiParameter("token", str, description="From the link in the mail.")],
    )
    @action(
        detail=True,
        authentication_classes=[OptionalBearerAuthentication],
        permission_classes=[AllowAny],
        throttle_classes=[AppealRateLimit],
        serializer_class=serializers.DecisionSerializer,
    )
    def statement(self, request: Request, action_id: UUID) -> Response:
        decided = get_own_action(request, action_id, request.query_params.get("token"))
        return Response(serializers.serialize_decision(decided))


@extend_schema(tags=["Moderation"])
class AppealViewSet(BaseViewSet):
    permission_classes = [IsModerator]
    serializer_class = serializers.AppealCaseSerializer
    filterset_class = filters.AppealFilter
    lookup_url_kwarg = "appeal_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> AppealQuerySet:
        return Appeal.objects.listed_for(self.caller_id).with_action()

    @documented(
        operation_id="listAppeals",
        summary="List appeals",
        page_of=serializers.AppealCaseSerializer,
        errors=[*MODERATORS_ONLY, Invalid],
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(
        operation_id="decideAppeal",
        summary="Decide an appeal",
        description="The action is upheld, or overturned and undone. A dismissed report is open again.",
        responses={200: serializers.AppealCaseSerializer},
        errors=[*DECISION_ERRORS, services.OwnDecision, services.AppealDecided],
    )
    @action(detail=True, methods=["post"], serializer_class=serializers.DecideAppealSerializer)
    def decide(self, request: Request, appeal_id: UUID) -> Response:
        services.decide_appeal(self.get_object(), by=cast(User, request.user), **self.get_validated_data())
        return Response(serializers.AppealCaseSerializer(self.get_object()).data)
