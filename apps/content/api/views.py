"""Posts."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.accounts.services import EmailNotConfirmed, require_confirmed_email
from apps.content import captions, services
from apps.content.api.permissions import IsAuthorOrReadOnly
from apps.content.api.posts import read_post, readable_posts
from apps.content.api.serializers import (
    CreatePostSerializer,
    PostSerializer,
    UpdatePostSerializer,
    serialize_post,
    serialize_posts,
)
from apps.content.models import Post
from apps.content.querysets import PostQuerySet
from apps.content.sensitivity import MarkedSensitive, SensitiveTag
from apps.core.api.idempotency import idempotent
from apps.core.api.schema import documented
from apps.core.errors import Forbidden
from apps.engagement import reads
from apps.media.api.variants import VARIANTS, PhotoViewSet
from apps.safety.newcomers import NewAccountLimitReached
from apps.safety.terms import BlockedText
from apps.social.api.profiles import get_profile_content_or_404


@extend_schema(tags=["Posts"])
class PostViewSet(PhotoViewSet):
    permission_classes = [IsAuthenticatedOrReadOnly, IsAuthorOrReadOnly]
    lookup_url_kwarg = "post_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> PostQuerySet:
        return readable_posts(self.request)

    def get_serializer_class(self) -> Any:
        return {"create": CreatePostSerializer, "partial_update": UpdatePostSerializer}.get(self.action, PostSerializer)

    @documented(
        operation_id="createPost",
        summary="Create a post",
        description="Of photos that the caller has uploaded. The post is `processing` until all of them are ready.",
        responses={201: PostSerializer},
        parameters=[VARIANTS],
        errors=[BlockedText, NewAccountLimitReached, EmailNotConfirmed],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        require_confirmed_email(cast(User, request.user))
        post = services.create_post(author_id=self.caller_id, **self.get_validated_data())
        headers = {"Location": f"/v1/posts/{post.pk}"}
        return Response(self._representation(post.pk), status=201, headers=headers)

    @documented(
        operation_id="getPost",
        summary="Get a post",
        description="Moderators may read every post, its photos, comments and likes: also posts for followers, posts "
        "of private, suspended and leaving accounts, and posts that are not published or taken down.",
        responses={200: PostSerializer},
        parameters=[VARIANTS],
    )
    def retrieve(self, request: Request, post_id: UUID) -> Response:
        return Response(serialize_post(read_post(request, post_id), request.user.pk, self.variants))

    @documented(
        operation_id="updatePost",
        summary="Edit a post",
        responses={200: PostSerializer},
        parameters=[VARIANTS],
        errors=[Forbidden, BlockedText, MarkedSensitive, SensitiveTag],
    )
    def partial_update(self, request: Request, post_id: UUID) -> Response:
        services.update_post(self.get_object(), changes=self.get_validated_data(partial=True))
        return Response(self._representation(post_id))

    @documented(operation_id="deletePost", summary="Delete a post", responses={204: None}, errors=[Forbidden])
    def destroy(self, request: Request, post_id: UUID) -> Response:
        services.delete_post(self.get_object())
        return Response(status=204)

    def _representation(self, post_id: UUID) -> dict[str, Any]:
        viewer_id = self.request.user.pk
        return serialize_post(reads.post(post_id, viewer_id), viewer_id, self.variants)


@extend_schema(tags=["Posts"])
class AuthorPostViewSet(PhotoViewSet):
    permission_classes = [AllowAny]
    serializer_class = PostSerializer

    def get_queryset(self) -> PostQuerySet:
        posts: PostQuerySet = Post.objects.visible_to(self.request.user.pk)
        return posts

    @documented(
        operation_id="listPostsByUser",
        summary="List the posts of a user",
        description="Newest first.",
        page_of=PostSerializer,
        parameters=[VARIANTS],
    )
    def list(self, request: Request, user: str) -> Response:
        author = get_profile_content_or_404(request, user)
        posts = self.get_queryset().written_by(author.id)
        return self.paginate(
            lambda after, limit: posts.page_of_ids(after=after, limit=limit),
            position=lambda pk: pk,
            serialize=lambda ids: serialize_posts(ids, request.user.pk, self.variants),
            scope={"author": author.id},
        )


@extend_schema(tags=["Posts"])
class TagPostViewSet(PhotoViewSet):
    permission_classes = [AllowAny]
    serializer_class = PostSerializer

    def get_queryset(self) -> PostQuerySet:
        posts: PostQuerySet = Post.objects.visible_to(self.request.user.pk)
        return posts.published().in_reach()

    @documented(
        operation_id="listPostsByTag",
        summary="List the posts with a tag",
        description="Newest first.",
        page_of=PostSerializer,
        parameters=[VARIANTS],
    )
    def list(self, request: Request, tag: str) -> Response:
        name = captions.normalise_tag(tag.removeprefix("#")) or ""  # no post has an invalid tag
        posts = self.get_queryset()
        return self.paginate(
            lambda after, limit: posts.tagged(name, before=after).page_of_ids(after=after, limit=limit),
            position=lambda pk: pk,
            serialize=lambda ids: serialize_posts(ids, request.user.pk, self.variants),
            scope={"tag": name},
        )
