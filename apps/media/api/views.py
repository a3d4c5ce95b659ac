"""Uploads, which go straight to storage, and the media made of them."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.content import exposure
from apps.content.api.posts import readable_posts
from apps.core.api.idempotency import idempotent
from apps.core.api.schema import documented
from apps.media import services, storage
from apps.media.api import serializers
from apps.media.api.variants import VARIANTS, PhotoViewSet
from apps.media.models import Media
from apps.media.querysets import MediaQuerySet
from apps.safety.terms import BlockedText


class OwnMediaViewSet(PhotoViewSet):
    lookup_url_kwarg = "media_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> MediaQuerySet:
        return Media.objects.owned_by(self.caller_id)


@extend_schema(tags=["Media"])
class UploadViewSet(OwnMediaViewSet):
    serializer_class = serializers.UploadSerializer
    rate_limits = {"create": "upload"}

    def get_serializer_class(self) -> Any:
        return serializers.UploadBodySerializer if self.action == "create" else super().get_serializer_class()

    @documented(
        operation_id="createUpload",
        summary="Start an upload",
        description="Returns a URL to which exactly the declared bytes are sent.",
        responses={201: serializers.NewUploadSerializer},
        errors=[
            services.UnsupportedMediaType,
            services.FileTooLarge,
            services.UploadQuotaExceeded,
            services.ProcessingBudgetExceeded,
            BlockedText,
            storage.StorageUnavailable,
        ],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        body = self.get_validated_data()
        body["length"] = body.pop("bytes")
        storage.require_available()
        expires_at = timezone.now() + settings.MEDIA_UPLOAD_LIFETIME
        medium = services.begin_upload(owner_id=self.caller_id, **body)
        url, headers = storage.presign_put(
            medium.original_key, content_type=medium.content_type, length=medium.bytes, sha256=medium.sha256
        )
        upload = {"method": "PUT", "url": url, "headers": headers, "expires_at": expires_at}
        return Response(serializers.NewUploadSerializer(medium, context={"upload": upload}).data, status=201)

    @documented(
        operation_id="completeUpload",
        summary="Complete an upload",
        description="After the file was sent to the URL of the upload. Processing starts.",
        responses={202: serializers.UploadSerializer},
        errors=[services.UploadMissing, services.UploadMismatch, storage.StorageUnavailable],
    )
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, media_id: UUID) -> Response:
        medium = services.complete_upload(self.get_object())
        return Response(self.get_serializer(medium).data, status=202)

    @documented(
        operation_id="getUploadStatus",
        summary="Get the status of an upload",
        responses={200: serializers.UploadProgressSerializer},
        parameters=[VARIANTS],
    )
    @action(detail=True, serializer_class=serializers.UploadProgressSerializer)
    def status(self, request: Request, media_id: UUID) -> Response:
        return Response(self.get_serializer(self.get_object()).data)


@extend_schema(tags=["Media"])
class MediaViewSet(OwnMediaViewSet):
    serializer_class = serializers.MediaSerializer

    @documented(
        operation_id="getMedia",
        summary="Get a photo",
        description="A photo of the current user, or of a post that the caller may see.",
        responses={200: serializers.MediaSerializer},
        parameters=[VARIANTS],
    )
    def retrieve(self, request: Request, media_id: UUID) -> Response:
        post = readable_posts(request).filter(media=media_id).first()
        if post is None:
            return Response(self._serialize(self.get_object(), public=False))
        return Response(self._serialize(post.media.get(pk=media_id), public=exposure.is_public(post.pk)))

    @documented(
        operation_id="deleteMedia",
        summary="Delete a photo",
        description="A photo of the current user that is in no post.",
        responses={204: None},
        errors=[services.MediaInUse],
    )
    def destroy(self, request: Request, media_id: UUID) -> Response:
        services.delete_upload(self.get_object())
        return Response(status=204)

    def _serialize(self, medium: Media, *, public: bool) -> Any:
        return serializers.MediaSerializer(medium, context={"public": public, "variants": self.variants}).data
