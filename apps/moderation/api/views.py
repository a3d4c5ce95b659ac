"""Reports, what moderators decide, and what is objected to it."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.accounts.services import InvalidLink
from apps.accounts.two_factor import TwoFactorRequired
from apps.content.api.posts import find_post, find_reviewable_post
from apps.content.models import Post
from apps.core import limits
from apps.core.api.addresses import client_address
from apps.core.api.pagination import Window, newest_first, page
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.errors import Invalid, NotFound, Unauthorized
from apps.engagement.api.comments import find_comment, find_reviewable_comment
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.api import filters, schemas
from apps.moderation.api.bodies import BringBack, DecideAppeal, MakeAppeal, MakeFlag, ResolveFlag, Suspend, TakeDown
from apps.moderation.api.cards import action_card, appeal_card, case_card, flag_card
from apps.moderation.api.moderators import ModeratorEndpoint, find_any_person
from apps.moderation.appeals import statements
from apps.moderation.models import Appeal, Category, Flag, ModerationAction
from apps.social.api.profiles import get_user_or_404

ACTION = {200: schemas.ModerationAction}
NOT_FOR_ALL = [services.ModeratorRequired, TwoFactorRequired]
REFUSED = [*NOT_FOR_ALL, services.CannotModerate]


class ReportEndpoint(Endpoint):
    """201 the first time, 200 with the same flag while it is open."""

    bodies = dict.fromkeys(["report_user", "report_post", "report_comment"], MakeFlag)
    rate_limits = dict.fromkeys(["report_user", "report_post", "report_comment"], "flag")

    @documented(
        summary="Report a person, also one whom one has blocked",
        request=MakeFlag,
        responses={201: schemas.Flag, 200: schemas.Flag},
        errors=[services.CannotFlagSelf],
    )
    def report_user(self, request: Request, user: str) -> Response:
        return self._flag(get_user_or_404(request, user, include_blocked=True))

    @documented(
        summary="Report a post",
        request=MakeFlag,
        responses={201: schemas.Flag, 200: schemas.Flag},
        errors=[services.CannotFlagSelf],
    )
    def report_post(self, request: Request, post_id: UUID) -> Response:
        return self._flag(find_post(request, post_id))

    @documented(
        summary="Report a comment",
        request=MakeFlag,
        responses={201: schemas.Flag, 200: schemas.Flag},
        errors=[services.CannotFlagSelf],
    )
    def report_comment(self, request: Request, comment_id: UUID) -> Response:
        return self._flag(find_comment(request, comment_id))

    def _flag(self, row: User | Post | Comment) -> Response:
        flag, first = services.flag(row, by=self.caller_id, **self.body(self.request))
        return Response(flag_card(flag), status=201 if first else 200)


class FlagEndpoint(ModeratorEndpoint):
    bodies = {"resolve": ResolveFlag}

    @documented(
        summary="Reports, newest first",
        page_of=schemas.Flag,
        errors=[*NOT_FOR_ALL, Invalid],
        parameters=[filters.STATUS, filters.CATEGORY],
    )
    def list(self, request: Request) -> Response:
        status = filters.one_of(request, "status", Flag.Status.values)
        category = filters.one_of(request, "category", Category.values)
        window = Window.of(request, "flags", status=status, category=category)
        rows = newest_first(Flag.objects.all().matching(status=status, category=category), window)
        return Response(page(rows, window, position=lambda flag: [flag.pk], card=flag_card))

    @documented(
        summary="Close a report",
        request=ResolveFlag,
        responses={200: schemas.Flag},
        errors=[*REFUSED, services.FlagClosed],
    )
    def resolve(self, request: Request, flag_id: UUID) -> Response:
        flag = Flag.objects.filter(pk=flag_id).first()
        if flag is None:
            raise NotFound
        return Response(flag_card(services.resolve_flag(flag, by=self.moderator, **self.body(request))))


class DecisionEndpoint(ModeratorEndpoint):
    """Takedowns and suspensions; each answers with the action, of which the second of two equal ones is the first."""

    bodies = {
        "take_down_post": TakeDown,
        "restore_post": BringBack,
        "take_down_comment": TakeDown,
        "restore_comment": BringBack,
        "suspend": Suspend,
        "unsuspend": BringBack,
    }

    @documented(summary="Take a post down", request=TakeDown, responses=ACTION, errors=REFUSED)
    def take_down_post(self, request: Request, post_id: UUID) -> Response:
        post = find_reviewable_post(request, post_id)
        return _answer(services.take_down_post(post, by=self.moderator, **self.body(request)))

    @documented(
        summary="Restore a post",
        request=BringBack,
        responses=ACTION,
        errors=[*REFUSED, services.NothingToUndo],
    )
    def restore_post(self, request: Request, post_id: UUID) -> Response:
        post = find_reviewable_post(request, post_id)
        return _answer(services.restore_post(post, by=self.moderator, **self.body(request)))

    @documented(summary="Take a comment down", request=TakeDown, responses=ACTION, errors=REFUSED)
    def take_down_comment(self, request: Request, comment_id: UUID) -> Response:
        comment = find_reviewable_comment(request, comment_id)
        return _answer(services.take_down_comment(comment, by=self.moderator, **self.body(request)))

    @documented(
        summary="Restore a comment",
        request=BringBack,
        responses=ACTION,
        errors=[*REFUSED, services.NothingToUndo],
    )
    def restore_comment(self, request: Request, comment_id: UUID) -> Response:
        comment = find_reviewable_comment(request, comment_id)
        return _answer(services.restore_comment(comment, by=self.moderator, **self.body(request)))

    @documented(
        summary="Suspend an account; another reason or end replaces a suspension",
        request=Suspend,
        responses=ACTION,
        errors=[*REFUSED, services.SecondPairOfEyesRequired],
    )
    def suspend(self, request: Request, user: str) -> Response:
        person = find_any_person(request, user)
        return _answer(services.suspend(person, by=self.moderator, **self.body(request)))

    @documented(
        summary="Unsuspend an account: all of it comes back",
        request=BringBack,
        responses=ACTION,
        errors=[*REFUSED, services.NothingToUndo],
    )
    def unsuspend(self, request: Request, user: str) -> Response:
        person = find_any_person(request, user)
        return _answer(services.unsuspend(person, by=self.moderator, **self.body(request)))


def _answer(action: ModerationAction) -> Response:
    return Response(action_card(ModerationAction.objects.for_cards().get(pk=action.pk)))


class AuditEndpoint(ModeratorEndpoint):
    @documented(
        summary="What moderators did, newest first; nobody can change it",
        page_of=schemas.ModerationAction,
        errors=[*NOT_FOR_ALL, Invalid],
        parameters=filters.AUDIT,
    )
    def list(self, request: Request) -> Response:
        asked = filters.inquiry(request)
        window = Window.of(request, "audit", asked=asked)
        rows = newest_first(ModerationAction.objects.for_cards().matching(asked), window)
        return Response(page(rows, window, position=lambda action: [action.pk], card=action_card))


class AppealEndpoint(Endpoint):
    open_to_all = frozenset({"create"})
    bodies = {"create": MakeAppeal}

    @documented(
        summary="Object to what hit one, signed in or by the token of the mail",
        request=MakeAppeal,
        responses={201: schemas.Appeal},
        errors=[Unauthorized, InvalidLink, services.AlreadyAppealed, services.NotAppealable],
    )
    def create(self, request: Request, action_id: UUID) -> Response:
        body = self.body(request)
        action = ModerationAction.objects.filter(pk=action_id).first()
        if "token" in body:
            limits.require("token", client_address(request))
            if not statements.opens_appeal(body["token"], action_id):
                raise InvalidLink
            caller_id = action.affected_id if action else None
        elif request.user.pk:
            caller_id = self.caller_id
        else:
            raise Unauthorized
        if action is None or caller_id is None:
            raise NotFound
        return Response(appeal_card(services.appeal(action, by=caller_id, text=body["text"])), status=201)


class CaseEndpoint(ModeratorEndpoint):
    bodies = {"decide": DecideAppeal}

    @documented(
        summary="Appeals, newest first",
        page_of=schemas.AppealCase,
        errors=[*NOT_FOR_ALL, Invalid],
        parameters=[filters.APPEAL_STATUS],
    )
    def list(self, request: Request) -> Response:
        status = filters.one_of(request, "status", Appeal.Status.values)
        window = Window.of(request, "appeals", status=status)
        rows = newest_first(Appeal.objects.for_cards().matching(status=status), window)
        return Response(page(rows, window, position=lambda appeal: [appeal.pk], card=case_card))

    @documented(
        summary="Decide an appeal: the action is upheld, or overturned and undone",
        request=DecideAppeal,
        responses={200: schemas.AppealCase},
        errors=[*REFUSED, services.OwnDecision, services.AppealDecided],
    )
    def decide(self, request: Request, appeal_id: UUID) -> Response:
        appeal = Appeal.objects.for_cards().filter(pk=appeal_id).first()
        if appeal is None:
            raise NotFound
        body = self.body(request)
        services.decide_appeal(
            appeal, by=self.moderator, overturn=body["decision"] == "overturn", note=body.get("note", "")
        )
        return Response(case_card(Appeal.objects.for_cards().get(pk=appeal_id)))
