"""The home feed as a competent hand writes it with Django REST framework: ModelSerializers, related rows fetched in
advance, marks as Exists, pages by cursor, a JWT with one read of its user. No block, mute or private account is
looked at, no session can be revoked, no request is limited, logged or measured."""

from typing import Any

import jwt
from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.urls import path
from rest_framework import generics, pagination, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.models import User
from apps.content.models import Mention, Post, PostMedia, PostTag
from apps.engagement.models import Like, Save
from apps.media.models import Media
from apps.social.models import Follow

SUFFIXES = {"image/webp": "webp", "image/jpeg": "jpg"}


class TokenOfUser(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, None] | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, settings.JWT_SIGNING_KEY, algorithms=["HS256"], audience="photogram-api")
            return User.objects.get(pk=claims["sub"], state="active"), None
        except (jwt.PyJWTError, User.DoesNotExist) as error:
            raise AuthenticationFailed from error


class AuthorSerializer(serializers.ModelSerializer[User]):
    avatar = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["id", "handle", "display_name", "avatar", "is_verified"]

    def get_avatar(self, user: User) -> dict[str, str] | None:
        if user.avatar is None:
            return None
        secret = user.avatar.public_secret
        return {size: f"{settings.MEDIA_CDN_URL}/{secret}/{size}.webp" for size in ("thumb", "medium")}


class MediaSerializer(serializers.ModelSerializer[Media]):
    variants = serializers.SerializerMethodField()

    class Meta:
        model = Media
        fields = [
            "id",
            "status",
            "alt_text",
            "width",
            "height",
            "blurhash",
            "dominant_color",
            "variants",
            "created_at",
        ]

    def get_variants(self, medium: Media) -> list[dict[str, Any]]:
        base = f"{settings.MEDIA_CDN_URL}/{medium.public_secret}"
        return [
            variant | {"url": f"{base}/{variant['name']}.{SUFFIXES[variant['content_type']]}"}
            for variant in medium.variants
        ]


class MentionSerializer(serializers.ModelSerializer[Mention]):
    user = AuthorSerializer()

    class Meta:
        model = Mention
        fields = ["user", "offset", "length"]


class PostSerializer(serializers.ModelSerializer[Post]):
    author = AuthorSerializer()
    media = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField()
    mentions = MentionSerializer(many=True)
    liked = serializers.BooleanField()
    saved = serializers.BooleanField()

    class Meta:
        model = Post
        fields = [
            "id",
            "author",
            "caption",
            "media",
            "visibility",
            "status",
            "sensitive",
            "comments_enabled",
            "tags",
            "mentions",
            "like_count",
            "comment_count",
            "liked",
            "saved",
            "created_at",
            "edited_at",
        ]

    def get_media(self, post: Post) -> Any:
        return MediaSerializer([item.medium for item in post.items.all()], many=True).data

    def get_tags(self, post: Post) -> list[str]:
        return [post_tag.tag.name for post_tag in post.post_tags.all()]


class NewestFirst(pagination.CursorPagination):
    page_size = 20
    ordering = "-id"


class Feed(generics.ListAPIView[Post]):
    authentication_classes = [TokenOfUser]
    serializer_class = PostSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Post]:
        viewer = self.request.user.pk
        followed = Follow.objects.filter(follower=viewer).values("followed")
        posts: QuerySet[Post] = (
            Post.objects.filter(Q(author__in=followed) | Q(author=viewer), status="published", taken_down_at=None)
            .annotate(
                liked=Exists(Like.objects.filter(user=viewer, post=OuterRef("pk"))),
                saved=Exists(Save.objects.filter(user=viewer, post=OuterRef("pk"))),
            )
            .select_related("author__avatar")
            .prefetch_related(
                Prefetch("items", PostMedia.objects.select_related("medium").order_by("position")),
                Prefetch("post_tags", PostTag.objects.select_related("tag").order_by("position")),
                Prefetch("mentions", Mention.objects.select_related("user__avatar").order_by("offset")),
            )
        )
        return posts


urlpatterns = [path("feed", Feed.as_view())]
