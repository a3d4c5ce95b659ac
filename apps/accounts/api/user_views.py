"""People and their profiles."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api import schemas
from apps.accounts.api.auth_views import whole
from apps.accounts.api.bodies import Leave, SignUp, UpdateProfile
from apps.accounts.api.cards import me_card
from apps.accounts.models import User
from apps.core import limits
from apps.core.api.idempotency import idempotent
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.errors import Forbidden, Invalid
from apps.safety.terms import BlockedText
from apps.social.api.batches import TooManyIds, ids_of
from apps.social.api.cards import serialize_profile
from apps.social.api.profiles import get_profile_or_404, get_user_or_404
from apps.social.reads import find_profiles


class UserEndpoint(Endpoint):
    open_to_all = frozenset({"create", "retrieve"})
    bodies = {"create": SignUp, "partial_update": UpdateProfile, "destroy": Leave}
    rate_limits = {"create": "sign_up"}

    @documented(
        summary="Sign up",
        request=SignUp,
        responses={201: schemas.Me},
        errors=[services.HandleTaken, services.EmailTaken, BlockedText],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        user = services.sign_up(**self.body(request))
        return Response(me_card(whole(user.pk)), status=201, headers={"Location": f"/v1/users/{user.pk}"})

    @documented(
        summary="People by their ids; those that cannot be seen are left out",
        responses={200: schemas.UserList},
        errors=[TooManyIds, Invalid],
        parameters=[OpenApiParameter("ids", str, required=True, description="Up to 50 ids, separated by commas.")],
    )
    def list(self, request: Request) -> Response:
        profiles = find_profiles(ids_of(request, most=50), viewer_id=request.user.pk)
        results = [serialize_profile(profile) for profile in profiles.values()]
        return Response({"results": results, "next_cursor": None})

    @documented(summary="A person's profile", responses={200: schemas.User})
    def retrieve(self, request: Request, user: str) -> Response:
        return Response(serialize_profile(get_profile_or_404(request, user)))

    @documented(
        summary="Change one's own profile",
        request=UpdateProfile,
        responses={200: schemas.Me},
        errors=[Forbidden, BlockedText],
    )
    def partial_update(self, request: Request, user: str) -> Response:
        person = self._oneself(request, user)
        changes = self.body(request, partial=True)
        services.update_profile(person, changes=changes)
        return Response(me_card(whole(person.pk)))

    @documented(
        summary="Leave: hidden at once, erased after a grace in which signing in restores",
        request=Leave,
        responses={202: None},
        errors=[services.WrongPassword, Forbidden],
    )
    def destroy(self, request: Request, user: str) -> Response:
        person = self._oneself(request, user)
        password = self.body(request)["password"]
        limits.require("password", str(person.pk))
        services.leave(person, password=password)
        return Response(status=202)

    @staticmethod
    def _oneself(request: Request, spelled: str) -> User:
        """Raises NotFound for whom the caller cannot see, Forbidden for everybody else but themself."""
        person = get_user_or_404(request, spelled)
        if person.pk != request.user.pk:
            raise Forbidden
        return person
