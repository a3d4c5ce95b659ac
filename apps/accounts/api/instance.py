"""What a client needs to know about this server before anyone signs in: limits and features."""

from typing import Any, cast

from django.conf import settings
from django.db.models import Model
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.consents import DocumentSerializer
from apps.accounts.models import User
from apps.content.mentions import MAX_MENTIONS
from apps.content.models import Post
from apps.content.services import MAX_MEDIA, MAX_TAGS
from apps.core.api.schema import documented, example
from apps.core.api.views import BaseViewSet
from apps.engagement.models import Comment
from apps.media.containers import ACCEPTED_TYPES, MAX_SIDE
from apps.media.models import Media
from apps.media.variants import CONTENT_TYPES, SIDES
from apps.notifications import push
from apps.site import reads as site
from apps.site.models import Announcement, DocumentVersion, RuleVersion, SiteSettings


@example(
    {
        "content_types": list(ACCEPTED_TYPES),
        "max_bytes": 30_000_000,
        "max_pixels": 64_000_000,
        "max_side": MAX_SIDE,
        "max_scans": 100,
        "pending_uploads": 50,
    }
)
class UploadLimitsSerializer(serializers.Serializer[Any]):
    content_types = serializers.ListField(child=serializers.CharField())
    max_bytes = serializers.IntegerField()
    max_pixels = serializers.IntegerField()
    max_side = serializers.IntegerField(help_text="Pixels of the longest side.")
    max_scans = serializers.IntegerField(help_text="Scans of a progressive JPEG, and frames of an animation.")
    pending_uploads = serializers.IntegerField(help_text="Uploads of a user that are not complete.")


@example({"name": "thumb", "longest_side": 320, "content_types": CONTENT_TYPES})
class VariantSizeSerializer(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=list(SIDES))
    longest_side = serializers.IntegerField(help_text="In pixels, at most.")
    content_types = serializers.ListField(child=serializers.ChoiceField(choices=CONTENT_TYPES))


@example(
    {
        "photos_per_post": 10,
        "tags_per_post": 30,
        "mentions_per_text": 20,
        "caption_length": 2200,
        "comment_length": 1000,
        "alt_text_length": 1500,
        "display_name_length": 50,
        "bio_length": 300,
    }
)
class TextLimitsSerializer(serializers.Serializer[Any]):
    photos_per_post = serializers.IntegerField()
    tags_per_post = serializers.IntegerField()
    mentions_per_text = serializers.IntegerField()
    caption_length = serializers.IntegerField(help_text="In Unicode code points, like all lengths.")
    comment_length = serializers.IntegerField()
    alt_text_length = serializers.IntegerField()
    display_name_length = serializers.IntegerField()
    bio_length = serializers.IntegerField()


@example({"version": 1, "title": "Be kind", "text": "No insults and no threats."})
class RuleSerializer(serializers.Serializer[RuleVersion]):
    """A rule, in the language of `Accept-Language` if it is translated."""

    id = serializers.UUIDField()
    version = serializers.IntegerField(help_text="Counts its wordings.")
    title = serializers.CharField()
    text = serializers.CharField(help_text="May be empty.")

    def to_representation(self, instance: RuleVersion) -> dict[str, Any]:
        words = site.translate(instance.texts)
        return {
            "id": instance.rule_id,
            "version": instance.number,
            "title": words["title"],
            "text": words.get("text", ""),
        }


@example({"text": "The site is offline on Sunday from 8 to 9 h UTC.", "ends_at": None})
class AnnouncementSerializer(serializers.Serializer[Announcement]):
    id = serializers.UUIDField()
    text = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Announcement) -> dict[str, Any]:
        return {
            "id": instance.pk,
            "text": site.translate(instance.texts)["text"],
            "starts_at": instance.starts_at,
            "ends_at": instance.ends_at,
        }


@example(
    {
        "name": "Photogram",
        "description": "Photographs of the club.",
        "about": "We are a club of photographers on the coast.",
        "contact": "hello@photogram.example",
        "logo": None,
        "accent_color": "#0a5bc2",
        "languages": ["en"],
        "registration": "open",
        "minimum_age": None,
        "proof_of_work": False,
        "version": "0.1.0",
        "vapid_public_key": None,
        "moderators_need_two_factor": True,
    }
)
class InstanceSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    about = serializers.CharField(help_text="More about the site, with line breaks; may be empty.")
    logo = serializers.URLField(allow_null=True, help_text="A square PNG.")
    accent_color = serializers.CharField(help_text="Of buttons and links; legible on white.")
    contact = serializers.CharField(help_text="An e-mail address, or empty.")
    languages = serializers.ListField(child=serializers.CharField(), help_text="Of the pages and mails.")
    registration = serializers.ChoiceField(
        choices=SiteSettings.Registration.values,
        help_text="Who can sign up: everyone, those whom a moderator approves or who have an invitation, only those "
        "who have an invitation, or only those who have one of the operator.",
    )
    minimum_age = serializers.IntegerField(allow_null=True, help_text="In years, of new members; null for any age.")
    proof_of_work = serializers.BooleanField(help_text="Whether a sign-up needs `proof_of_work`.")
    rules = RuleSerializer(many=True)
    terms = DocumentSerializer(allow_null=True, help_text="null: the site has no terms of its own.")
    privacy = DocumentSerializer(allow_null=True)
    announcements = AnnouncementSerializer(many=True, help_text="Those that are to be shown now.")
    version = serializers.CharField(help_text="Of the software.")
    uploads = UploadLimitsSerializer()
    variants = VariantSizeSerializer(many=True)
    limits = TextLimitsSerializer()
    vapid_public_key = serializers.CharField(
        allow_null=True,
        help_text="The `applicationServerKey` for a browser's subscription; null if push is not configured.",
    )
    moderators_need_two_factor = serializers.BooleanField()


def _length(model: type[Model], field: str) -> int:
    """The maximum length of a text, in code points."""
    length: int = cast(Any, model._meta.get_field(field)).max_length
    return length


@extend_schema(tags=["Service"])
class InstanceViewSet(BaseViewSet):
    permission_classes = [AllowAny]
    serializer_class = InstanceSerializer

    @documented(
        operation_id="getInstance",
        summary="Get the limits and features of this server",
        responses={200: InstanceSerializer},
    )
    def retrieve(self, request: Request) -> Response:
        own, documents = site.current(), site.documents_in_effect()
        return Response(
            {
                "name": own.name,
                "description": own.description,
                "about": own.about,
                "contact": own.contact,
                "logo": settings.PUBLIC_URL + reverse("web:logo", args=[own.logo_id]) if own.logo_id else None,
                "accent_color": own.accent,
                "languages": [code for code, _ in settings.LANGUAGES],
                "registration": own.registration,
                "minimum_age": own.minimum_age,
                "proof_of_work": own.proof_of_work,
                "rules": [RuleSerializer(version).data for version in site.rules()],
                **{
                    kind: DocumentSerializer(documents[kind]).data if kind in documents else None
                    for kind in DocumentVersion.Kind.values
                },
                "announcements": [AnnouncementSerializer(each).data for each in site.announcements()],
                "version": settings.VERSION,
                "uploads": {
                    "content_types": list(ACCEPTED_TYPES),
                    "max_bytes": settings.MEDIA_MAX_BYTES,
                    "max_pixels": settings.MEDIA_MAX_PIXELS,
                    "max_side": MAX_SIDE,
                    "max_scans": settings.MEDIA_MAX_SCANS,
                    "pending_uploads": settings.MEDIA_PENDING_UPLOADS_PER_USER,
                },
                "variants": [
                    {"name": name, "longest_side": side, "content_types": CONTENT_TYPES} for name, side in SIDES.items()
                ],
                "limits": {
                    "photos_per_post": MAX_MEDIA,
                    "tags_per_post": MAX_TAGS,
                    "mentions_per_text": MAX_MENTIONS,
                    "caption_length": _length(Post, "caption"),
                    "comment_length": _length(Comment, "text"),
                    "alt_text_length": _length(Media, "alt_text"),
                    "display_name_length": _length(User, "display_name"),
                    "bio_length": _length(User, "bio"),
                },
                "vapid_public_key": push.public_key(),
                "moderators_need_two_factor": settings.STAFF_TWO_FACTOR == "required",
            }
        )
