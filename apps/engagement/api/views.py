"""Likes, saves and comments."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import is_moderator
from apps.accounts.models import User
from apps.accounts.services import EmailNotConfirmed, require_confirmed_email
from apps.content.api.posts import check_post_readable
from apps.content.api.serializers import PostSerializer, serialize_post_counts, serialize_posts
from apps.core.api.idempotency import idempotent
from apps.core.api.schema import documented
from apps.core.api.views import BaseViewSet
from apps.core.errors import Forbidden, NotFound
from apps.engagement import comments, reads, services
from apps.engagement.api.comments import delete_comment
from apps.engagement.api.filters import CommentFilter
from apps.engagement.api.serializers import (
    CommentSerializer,
    CreateCommentSerializer,
    LikedCommentSerializer,
    LikedSerializer,
    LikerSerializer,
    SavedSerializer,
    serialize_comment,
    serialize_comment_counts,
    serialize_comments,
)
from apps.engagement.models import Comment, Like, Save
from apps.engagement.querysets import CommentQuerySet, ReactionQuerySet
from apps.media.api.variants import VARIANTS, PhotoViewSet
from apps.moderation.roles import CannotModerate
from apps.safety.newcomers import NewAccountLimitReached
from apps.safety.terms import BlockedText


@extend_schema(tags=["Likes and saves"])
class LikeViewSet(BaseViewSet):
    lookup_url_kwarg = "post_id"
    lookup_value_converter = "uuid"

    @documented(
        operation_id="likePost",
        summary="Like a post",
        responses={200: LikedSerializer},
    )
    @action(detail=True, methods=["post"])
    def like(self, request: Request, post_id: UUID) -> Response:
        services.like(post_id, by=self.caller_id)
        return self._answer(post_id)

    @documented(
        operation_id="unlikePost",
        summary="Unlike a post",
        responses={200: LikedSerializer},
    )
    @like.mapping.delete
    def unlike(self, request: Request, post_id: UUID) -> Response:
        services.unlike(post_id, by=self.caller_id)
        return self._answer(post_id)

    def _answer(self, post_id: UUID) -> Response:
        post = reads.post(post_id, self.caller_id)
        return Response({"liked": post.viewer.liked, "counts": serialize_post_counts(post)})

    @documented(
        operation_id="listLikes",
        summary="List the likes of a post",
        description="Newest first.",
        page_of=LikerSerializer,
    )
    @action(detail=True, serializer_class=LikerSerializer)
    def likes(self, request: Request, post_id: UUID) -> Response:
        check_post_readable(request, post_id)
        return self.paginate(
            lambda after, limit: reads.LIKERS.page(viewer=self.caller_id, post=post_id, after=after, limit=limit),
            position=lambda row: row.id,
        )


@extend_schema(tags=["Likes and saves"])
class SaveViewSet(BaseViewSet):
    lookup_url_kwarg = "post_id"
    lookup_value_converter = "uuid"

    @documented(
        operation_id="savePost",
        summary="Save a post",
        responses={200: SavedSerializer},
    )
    @action(detail=True, methods=["post"])
    def save(self, request: Request, post_id: UUID) -> Response:
        services.save(post_id, by=self.caller_id)
        return Response({"saved": True})

    @documented(
        operation_id="unsavePost",
        summary="Unsave a post",
        responses={200: SavedSerializer},
    )
    @save.mapping.delete
    def unsave(self, request: Request, post_id: UUID) -> Response:
        services.unsave(post_id, by=self.caller_id)
        return Response({"saved": False})


@extend_schema(tags=["Likes and saves"])
class CollectionViewSet(PhotoViewSet):
    """Posts that the current user has saved or liked, by the time of the save or like."""

    serializer_class = PostSerializer

    @documented(
        operation_id="listSavedPosts",
        summary="List saved posts",
        description="The last saved first.",
        page_of=PostSerializer,
        parameters=[VARIANTS],
    )
    def saved(self, request: Request) -> Response:
        return self._posts_of(Save.objects.made_by(self.caller_id))

    @documented(
        operation_id="listLikedPosts",
        summary="List liked posts",
        description="The last liked first.",
        page_of=PostSerializer,
        parameters=[VARIANTS],
    )
    def liked(self, request: Request) -> Response:
        return self._posts_of(Like.objects.made_by(self.caller_id))

    def _posts_of(self, reactions: ReactionQuerySet) -> Response:
        page = self.paginate_queryset(reactions) or []
        return self.get_paginated_response(
            serialize_posts([row.post_id for row in page], self.caller_id, self.variants)
        )


@extend_schema(tags=["Comments"])
class CommentViewSet(BaseViewSet):
    permission_classes = [IsAuthenticatedOrReadOnly]
    filterset_class = CommentFilter
    queryset = Comment.objects.none()
    lookup_url_kwarg = "comment_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> CommentQuerySet:
        readable = Comment.objects.readable_by(self.request.user.pk, is_moderator=is_moderator(self.request))
        # The OpenAPI schema is generated without a path.
        return readable.select_related("post").on(self.kwargs.get("post_id", UUID(int=0)))

    def get_serializer_class(self) -> Any:
        return CreateCommentSerializer if self.action in {"create", "comment"} else CommentSerializer

    @documented(
        operation_id="createComment",
        summary="Comment on a post",
        description="Or, with `parent_id`, reply to a comment.",
        responses={201: CommentSerializer},
        errors=[comments.CommentsDisabled, BlockedText, NewAccountLimitReached, EmailNotConfirmed],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request, post_id: UUID) -> Response:
        require_confirmed_email(cast(User, request.user))
        made = comments.comment(post_id, by=self.caller_id, **self.get_validated_data())
        return Response(serialize_comment(reads.comment(made.pk, self.caller_id), self.caller_id), status=201)

    @extend_schema(exclude=True)
    def comment(self, request: Request, post_id: UUID) -> Response:
        """The former path of `create`, `/posts/{post_id}/comment`."""
        return self.create(request, post_id)

    @documented(
        operation_id="listComments",
        summary="List the comments of a post",
        description="Newest first; with `parent_id` the replies to a comment, oldest first.",
        page_of=CommentSerializer,
    )
    def list(self, request: Request, post_id: UUID) -> Response:
        check_post_readable(request, post_id)
        viewer_id = request.user.pk
        listed = Comment.objects.listed_for(viewer_id).on(post_id)
        if parent_id := self.get_filter_values()["parent_id"]:
            if not listed.filter(pk=parent_id).exists():
                raise NotFound
            rows, self.ordering = listed.replies_to(parent_id), "id"
        else:
            rows = listed.threads()
        page = self.paginate_queryset(rows.only("pk")) or []
        return self.get_paginated_response(serialize_comments([row.pk for row in page], viewer_id))

    @documented(
        operation_id="deleteComment",
        summary="Delete a comment",
        description="Its author, the author of the post and moderators may do that.",
        responses={204: None},
        errors=[Forbidden, CannotModerate],
    )
    def destroy(self, request: Request, post_id: UUID, comment_id: UUID) -> Response:
        check_post_readable(request, post_id)
        delete_comment(request, self.get_object())
        return Response(status=204)


@extend_schema(tags=["Comments"])
class CommentLikeViewSet(BaseViewSet):
    lookup_url_kwarg = "comment_id"
    lookup_value_converter = "uuid"

    @documented(
        operation_id="likeComment",
        summary="Like a comment",
        responses={200: LikedCommentSerializer},
    )
    @action(detail=True, methods=["post"])
    def like(self, request: Request, comment_id: UUID) -> Response:
        services.like_comment(comment_id, by=self.caller_id)
        return self._answer(comment_id)

    @documented(
        operation_id="unlikeComment",
        summary="Unlike a comment",
        responses={200: LikedCommentSerializer},
    )
    @like.mapping.delete
    def unlike(self, request: Request, comment_id: UUID) -> Response:
        services.unlike_comment(comment_id, by=self.caller_id)
        return self._answer(comment_id)

    def _answer(self, comment_id: UUID) -> Response:
        comment = reads.comment(comment_id, self.caller_id)
        return Response({"liked": comment.viewer.liked, "counts": serialize_comment_counts(comment)})
