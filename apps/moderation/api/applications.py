"""Applications for accounts, for moderators."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import UserSummarySerializer
from apps.accounts.applications import ApplicationDecided
from apps.accounts.models import Application, User
from apps.accounts.querysets import ApplicationQuerySet
from apps.accounts.two_factor import TwoFactorRequired
from apps.core.api.fields import TextField
from apps.core.api.schema import documented, example
from apps.core.api.serializers import StrictSerializer
from apps.core.api.views import BaseViewSet
from apps.core.errors import Invalid
from apps.moderation import permissions, registration
from apps.moderation.api.filters import ApplicationFilter
from apps.moderation.api.permissions import IsModerator
from apps.moderation.services import ModeratorRequired

MODERATORS_ONLY = [ModeratorRequired, TwoFactorRequired]


@example(
    {
        "email": "a***@e***.org",
        "reason": "I photograph lighthouses.",
        "note": "",
        "decided_at": None,
        "decided_by": None,
    }
)
class ApplicationSerializer(serializers.Serializer[Application]):
    id = serializers.UUIDField()
    user = UserSummarySerializer()
    email = serializers.CharField(help_text="Most of its characters are hidden.")
    email_verified = serializers.BooleanField()
    reason = serializers.CharField()
    status = serializers.ChoiceField(choices=Application.Status.values)
    note = serializers.CharField(help_text="The reason for the decision, which the applicant sees.")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = UserSummarySerializer(allow_null=True)
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="When the account is erased unless the application is approved before."
    )

    def to_representation(self, instance: Application) -> dict[str, Any]:
        shown = ["id", "reason", "status", "note", "created_at", "decided_at"]
        decided_by = instance.decided_by
        return {name: getattr(instance, name) for name in shown} | {
            "user": UserSummarySerializer(instance.user).data,
            "email": permissions.masked_email(instance.user.email),
            "email_verified": instance.user.email_verified_at is not None,
            "decided_by": UserSummarySerializer(decided_by).data if decided_by else None,
            "expires_at": instance.user.erase_after,
        }


@example({"decision": "approve", "note": "Welcome!"})
class DecideApplicationSerializer(StrictSerializer):
    decision = serializers.ChoiceField(choices=["approve", "reject"])
    note = TextField(
        max_length=1000,
        allow_blank=True,
        required=False,
        help_text="The applicant sees it. A rejection needs one.",
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The arguments of `registration.decide_application`."""
        values = super().to_internal_value(data)
        return {"approve": values["decision"] == "approve", "note": values.get("note", "")}


@extend_schema(tags=["Moderation"])
class ApplicationViewSet(BaseViewSet):
    permission_classes = [IsModerator]
    serializer_class = ApplicationSerializer
    filterset_class = ApplicationFilter
    lookup_url_kwarg = "application_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> ApplicationQuerySet:
        return Application.objects.listed()

    @documented(
        operation_id="listApplications",
        summary="List applications for accounts",
        description="There are some while the site accepts new members by approval.",
        page_of=ApplicationSerializer,
        errors=[*MODERATORS_ONLY, Invalid],
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(
        operation_id="decideApplication",
        summary="Decide an application",
        description="The applicant receives a mail. The account of a rejected application is erased after a week.",
        responses={200: ApplicationSerializer},
        errors=[*MODERATORS_ONLY, ApplicationDecided],
    )
    @action(detail=True, methods=["post"], serializer_class=DecideApplicationSerializer)
    def decide(self, request: Request, application_id: UUID) -> Response:
        registration.decide_application(self.get_object(), by=cast(User, request.user), **self.get_validated_data())
        return Response(ApplicationSerializer(self.get_object()).data)
