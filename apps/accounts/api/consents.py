"""The consents of the current user to the terms and the privacy policy."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import consents
from apps.core.api.fields import StrictInteger
from apps.core.api.schema import documented, example
from apps.core.api.serializers import StrictSerializer
from apps.core.api.views import BaseViewSet
from apps.site import reads as site
from apps.site.models import DocumentVersion


@example({"version": 2, "url": "https://photogram.example/terms"})
class DocumentSerializer(serializers.Serializer[DocumentVersion]):
    """The version of a document that is in effect."""

    version = serializers.IntegerField()
    effective_at = serializers.DateTimeField()
    url = serializers.URLField()

    def to_representation(self, instance: DocumentVersion) -> dict[str, Any]:
        return {
            "version": instance.number,
            "effective_at": instance.effective_at,
            "url": f"{settings.CLIENT_URL}/{instance.kind}",
        }


@example({"given_at": None})
class ConsentSerializer(DocumentSerializer):
    document = serializers.ChoiceField(choices=DocumentVersion.Kind.values)
    given_at = serializers.DateTimeField(allow_null=True, help_text="null: the user has not accepted this version.")


@example({})
class ConsentListSerializer(serializers.Serializer[Any]):
    documents = ConsentSerializer(many=True)


@example({"terms": 2})
class AcceptDocumentsSerializer(StrictSerializer):
    terms = StrictInteger(required=False, min_value=1, help_text="The version that the user has accepted.")
    privacy = StrictInteger(required=False, min_value=1)


@extend_schema(tags=["Users"])
class ConsentViewSet(BaseViewSet):
    serializer_class = AcceptDocumentsSerializer

    @documented(
        operation_id="getConsents",
        summary="Get the consents of the current user",
        description="To the versions of the terms and of the privacy policy that are in effect.",
        responses={200: ConsentListSerializer},
    )
    def retrieve(self, request: Request) -> Response:
        return Response(self._serialize())

    @documented(
        operation_id="acceptDocuments",
        summary="Accept the terms or the privacy policy",
        description="Each field names the version in effect. Signing up accepts the versions in effect.",
        responses={200: ConsentListSerializer},
        errors=[consents.DocumentOutdated],
    )
    def create(self, request: Request) -> Response:
        consents.accept(self.caller_id, self.get_validated_data())
        return Response(self._serialize())

    def _serialize(self) -> dict[str, Any]:
        in_effect = site.documents_in_effect()
        given = consents.given_at(self.caller_id)
        return {
            "documents": [
                {"document": kind, "given_at": given.get(version.pk), **DocumentSerializer(version).data}
                for kind, version in in_effect.items()
            ]
        }
