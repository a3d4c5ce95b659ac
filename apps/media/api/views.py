"""Uploads straight to storage, and the media that come of them."""

from uuid import UUID

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.content.api.posts import find_reviewable_post
from apps.content.models import Post, PostMedia
from apps.core.api.fields import Body, StrictInteger, TextField
from apps.core.api.idempotency import idempotent
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.errors import NotFound
from apps.media import services, storage
from apps.media.api import schemas
from apps.media.api.cards import PROGRESS, error_card, media_card, upload_card
from apps.media.models import Media
from apps.safety.terms import BlockedText


class UploadBody(Body):
    content_type = TextField(max_length=100)
    bytes = StrictInteger(min_value=1, max_value=2**53)
    purpose = serializers.ChoiceField(choices=Media.Purpose.values, default=Media.Purpose.POST)
    alt_text = TextField(max_length=1500, allow_blank=True, required=False, default="")
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, max_length=64)


class MediaEndpoint(Endpoint):
    bodies = {"create": UploadBody}
    rate_limits = {"create": "upload"}

    @documented(
        summary="Ask for an upload: a URL to PUT exactly the declared bytes to",
        request=UploadBody,
        responses={201: schemas.NewUpload},
        errors=[
            services.UnsupportedMediaType,
            services.FileTooLarge,
            services.UploadQuotaExceeded,
            BlockedText,
            storage.StorageUnavailable,
        ],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        body = self.body(request)
        body["length"] = body.pop("bytes")
        storage.require_available()
        expires_at = timezone.now() + settings.MEDIA_UPLOAD_LIFETIME
        medium = services.begin_upload(owner_id=self.caller_id, **body)
        url, headers = storage.presign_put(
            medium.original_key, content_type=medium.content_type, length=medium.bytes, sha256=medium.sha256
        )
        target = {"method": "PUT", "url": url, "headers": headers, "expires_at": expires_at}
        return Response(upload_card(medium) | {"upload": target}, status=201)

    @documented(
        summary="Say that the bytes are there; the pipeline takes over",
        responses={202: schemas.Upload},
        errors=[services.UploadMissing, services.UploadMismatch, storage.StorageUnavailable],
    )
    def complete(self, request: Request, media_id: UUID) -> Response:
        return Response(upload_card(services.complete_upload(self._own(media_id))), status=202)

    @documented(summary="How far an upload is", responses={200: schemas.UploadProgress})
    def upload_status(self, request: Request, media_id: UUID) -> Response:
        medium = self._own(media_id)
        return Response(
            upload_card(medium)
            | {
                "progress": PROGRESS[medium.status],
                "error": error_card(medium),
                "media": media_card(medium, public=False),
            }
        )

    @documented(summary="A medium: one's own, or one in a post that one may see", responses={200: schemas.Media})
    def retrieve(self, request: Request, media_id: UUID) -> Response:
        item = PostMedia.objects.filter(medium=media_id).select_related("medium").first()
        if item is None:
            return Response(media_card(self._own(media_id), public=False))
        post = find_reviewable_post(request, item.post_id)
        is_open = Post.objects.open_to_everybody().filter(pk=post.pk).exists()
        return Response(media_card(item.medium, public=is_open))

    @documented(summary="Delete a medium of one's own", responses={204: None}, errors=[services.MediaInUse])
    def destroy(self, request: Request, media_id: UUID) -> Response:
        services.delete_upload(self._own(media_id))
        return Response(status=204)

    def _own(self, media_id: UUID) -> Media:
        medium = Media.objects.owned_by(self.caller_id).filter(pk=media_id).first()
        if medium is None:
            raise NotFound
        return medium
