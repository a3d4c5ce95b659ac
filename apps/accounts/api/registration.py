"""What comes before a sign-up: invitations and the proof of work."""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import invitations, proof_of_work
from apps.accounts.invitations import MOST_DAYS, MOST_USES, InvitationQuotaExceeded, RegistrationClosed
from apps.accounts.models import Invitation
from apps.accounts.querysets import InvitationQuerySet
from apps.core.api.fields import StrictInteger
from apps.core.api.idempotency import idempotent
from apps.core.api.schema import documented, example
from apps.core.api.serializers import StrictSerializer
from apps.core.api.throttling import RateLimit
from apps.core.api.views import BaseViewSet


def link_to(invitation: Invitation) -> str:
    """The page that leads to the sign-up with this invitation."""
    return f"{settings.CLIENT_URL}/invite/{invitation.code}"


@example(
    {"code": "k7wm2qhx9rta", "url": "https://photogram.example/invite/k7wm2qhx9rta", "max_uses": 2, "uses": 1}
    | {"revoked_at": None}
)
class InvitationSerializer(serializers.Serializer[Invitation]):
    code = serializers.CharField()
    url = serializers.SerializerMethodField()
    max_uses = serializers.IntegerField()
    uses = serializers.IntegerField(help_text="How many people have joined with it.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)

    def get_url(self, invitation: Invitation) -> str:
        return link_to(invitation)


@example({"valid": True})
class InvitationValiditySerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="null unless it is valid.")


@example({"max_uses": 2, "days": 7})
class InviteSerializer(StrictSerializer):
    max_uses = StrictInteger(min_value=1, max_value=MOST_USES, default=1)
    days = StrictInteger(
        min_value=1, max_value=MOST_DAYS, default=invitations.DEFAULT_DAYS, help_text="Until it expires."
    )


class InvitationRateLimit(RateLimit):
    """Guessed codes are counted without Redis, too."""

    guards_a_secret = True


@extend_schema(tags=["Users"])
class InvitationViewSet(BaseViewSet):
    serializer_class = InvitationSerializer
    lookup_url_kwarg = "code"
    lookup_value_converter = "str"
    rate_limits = {"retrieve": "invitation"}
    etag_actions: ClassVar[frozenset[str]] = frozenset()

    def get_permissions(self) -> Any:
        return [AllowAny()] if self.action == "retrieve" else super().get_permissions()

    def get_throttles(self) -> Any:
        return [InvitationRateLimit()] if self.action == "retrieve" else super().get_throttles()

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return InviteSerializer if self.action == "create" else InvitationSerializer

    def get_queryset(self) -> InvitationQuerySet:
        return Invitation.objects.owned_by(self.caller_id)

    @documented(
        operation_id="listInvitations", summary="List the current user's invitations", page_of=InvitationSerializer
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(
        operation_id="createInvitation",
        summary="Create an invitation",
        description="A member can invite as many people as the site allows; `left` of the error says how many more. "
        "While registration is closed, members create no invitations, and theirs do not work.",
        responses={201: InvitationSerializer},
        errors=[RegistrationClosed, InvitationQuotaExceeded],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        made = invitations.invite(self.caller_id, **self.get_validated_data())
        return Response(InvitationSerializer(made).data, status=201)

    @documented(
        operation_id="getInvitation",
        summary="Check whether an invitation is valid",
        description="The response for an unknown code is that for an expired one.",
        responses={200: InvitationValiditySerializer},
    )
    def retrieve(self, request: Request, code: str) -> Response:
        found = invitations.find_valid(code)
        return Response({"valid": found is not None, "expires_at": found and found.expires_at})

    @documented(
        operation_id="revokeInvitation",
        summary="Revoke an invitation",
        description="People who have joined with it stay members.",
        responses={204: None},
    )
    def destroy(self, request: Request, code: str) -> Response:
        invitations.revoke_own(self.caller_id, code)
        return Response(status=204)


@example(
    {
        "algorithm": "PBKDF2/SHA-256",
        "cost": 5000,
        "keyLength": 32,
        "keyPrefix": "4f1d0c52a7e09b3386c1f2d75e9a40b8",
        "keySignature": "9b0f6c41",
        "nonce": "d1e8a70c",
        "salt": "52b7f3aa",
        "expiresAt": 1796034682,
    }
)
class ChallengeParametersSerializer(serializers.Serializer[Any]):
    algorithm = serializers.CharField()
    cost = serializers.IntegerField(help_text="Iterations of a derivation.")
    keyLength = serializers.IntegerField()
    keyPrefix = serializers.CharField(help_text="Hexadecimal. The derived key must start with it.")
    keySignature = serializers.CharField()
    nonce = serializers.CharField()
    salt = serializers.CharField()
    expiresAt = serializers.IntegerField(help_text="Seconds since 1970.")


@example({"signature": "c7a95e10"})
class ChallengeSerializer(serializers.Serializer[Any]):
    parameters = ChallengeParametersSerializer()
    signature = serializers.CharField()


@extend_schema(tags=["Users"])
class ChallengeViewSet(BaseViewSet):
    serializer_class = ChallengeSerializer
    permission_classes = [AllowAny]
    rate_limits = {"retrieve": "challenge"}
    etag_actions: ClassVar[frozenset[str]] = frozenset()

    @documented(
        operation_id="getSignUpChallenge",
        summary="Get a challenge for the proof of work at sign-up",
        description="In the format of ALTCHA, version 2. Send the solution, as Base64 of the JSON object of ALTCHA's "
        "clients, in `proof_of_work` of the sign-up. A solution works once. `GET /v1/instance` says whether one is "
        "required.",
        responses={200: ChallengeSerializer},
    )
    def retrieve(self, request: Request) -> Response:
        return Response(proof_of_work.make_challenge())
