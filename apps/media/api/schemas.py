from rest_framework import serializers

from apps.core.api.shapes import Shape
from apps.media.models import Media as MediaRow

STATUSES = MediaRow.Status.values
ERROR_CODES = [
    "image_too_large",
    "image_corrupt",
    "image_type_mismatch",
    "image_unsupported",
    "processing_timeout",
    "banned_image",
]


class MediaError(Shape):
    code = serializers.ChoiceField(choices=ERROR_CODES)
    detail = serializers.CharField()


class Variant(Shape):
    name = serializers.ChoiceField(choices=["thumb", "medium", "large"])
    content_type = serializers.ChoiceField(choices=["image/webp", "image/jpeg"])
    url = serializers.URLField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    bytes = serializers.IntegerField()


class Media(Shape):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=["image"])
    status = serializers.ChoiceField(choices=STATUSES)
    error = MediaError(allow_null=True)
    alt_text = serializers.CharField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    blurhash = serializers.CharField(allow_null=True)
    dominant_color = serializers.CharField(allow_null=True)
    variants = Variant(many=True)
    created_at = serializers.DateTimeField()


class UploadTarget(Shape):
    method = serializers.ChoiceField(choices=["PUT"])
    url = serializers.URLField()
    headers = serializers.DictField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()


class Upload(Shape):
    id = serializers.UUIDField()
    media_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=STATUSES)


class NewUpload(Upload):
    upload = UploadTarget()


class UploadProgress(Upload):
    progress = serializers.IntegerField(min_value=0, max_value=100)
    error = MediaError(allow_null=True)
    media = Media()
