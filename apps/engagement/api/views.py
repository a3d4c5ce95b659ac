"""Likes, saves and comments."""

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.content.api.posts import check_post_visible
from apps.content.api.serializers import PostSerializer, serialize_post_counts, serialize_posts
from apps.core.api.idempotency import idempotent
from apps.core.api.pagination import Window, newest_first, oldest_first, page
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.db.ids import parse_id
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.engagement import comments, reads, services
from apps.engagement.api.comments import find_comment_on
from apps.engagement.api.serializers import (
    CommentSerializer,
    CreateComment,
    LikedCommentSerializer,
    LikedSerializer,
    LikerSerializer,
    SavedSerializer,
    serialize_comment,
    serialize_comment_counts,
    serialize_comments,
)
from apps.engagement.models import Comment, Like, Save
from apps.moderation import services as moderation
from apps.safety.newcomers import NewAccountLimitReached
from apps.safety.terms import BlockedText
from apps.social.api.cards import Ties

LIKERS = Ties(lambda viewer, post_id: Like.objects.on(post_id).shown_to(viewer), "post_id", person="user")


class LikeEndpoint(Endpoint):
    @documented(summary="Like a post", responses={200: LikedSerializer})
    def create(self, request: Request, post_id: UUID) -> Response:
        services.like(post_id, by=self.caller_id)
        return self._answer(post_id)

    @documented(summary="Take a like back", responses={200: LikedSerializer})
    def destroy(self, request: Request, post_id: UUID) -> Response:
        services.unlike(post_id, by=self.caller_id)
        return self._answer(post_id)

    def _answer(self, post_id: UUID) -> Response:
        post = reads.post(post_id, self.caller_id)
        return Response({"liked": post.viewer.liked, "counts": serialize_post_counts(post)})

    @documented(summary="Who likes a post, newest first", page_of=LikerSerializer)
    def list(self, request: Request, post_id: UUID) -> Response:
        check_post_visible(request, post_id)
        window = Window.of(request, "likes", post=post_id)
        rows = LIKERS.rows(window, viewer=self.caller_id, post_id=post_id)
        return Response(
            page(
                rows,
                window,
                position=lambda row: [row[0]],
                card=lambda row: LIKERS.card(row, "liked_at", self.caller_id),
            )
        )


class SaveEndpoint(Endpoint):
    @documented(summary="Save a post", responses={200: SavedSerializer})
    def create(self, request: Request, post_id: UUID) -> Response:
        services.save(post_id, by=self.caller_id)
        return Response({"saved": True})

    @documented(summary="Save a post no longer", responses={200: SavedSerializer})
    def destroy(self, request: Request, post_id: UUID) -> Response:
        services.unsave(post_id, by=self.caller_id)
        return Response({"saved": False})


class CollectionEndpoint(Endpoint):
    @documented(summary="Posts one has saved, the last saved first", page_of=PostSerializer)
    def saved(self, request: Request) -> Response:
        return self._posts(Window.of(request, "saved"), Save.objects.made_by(self.caller_id))

    @documented(summary="Posts one likes, the last liked first", page_of=PostSerializer)
    def liked(self, request: Request) -> Response:
        return self._posts(Window.of(request, "liked"), Like.objects.made_by(self.caller_id))

    def _posts(self, window: Window, reactions: QuerySet[Any]) -> Response:
        rows = newest_first(reactions.values_list("pk", "post_id"), window)
        return Response(
            page(
                rows,
                window,
                position=lambda row: [row[0]],
                cards=lambda shown: serialize_posts([post_id for _, post_id in shown], self.caller_id),
            )
        )


class CommentEndpoint(Endpoint):
    open_to_all = frozenset({"list"})
    bodies = {"create": CreateComment, "comment": CreateComment}

    @documented(
        summary="Comment on a post, or reply to a comment",
        request=CreateComment,
        responses={201: CommentSerializer},
        errors=[comments.CommentsDisabled, BlockedText, NewAccountLimitReached],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request, post_id: UUID) -> Response:
        made = comments.comment(post_id, by=self.caller_id, **self.body(request))
        return Response(serialize_comment(reads.comment(made.pk, self.caller_id), self.caller_id), status=201)

    # The same call under its other name.
    comment = create

    @documented(
        summary="Comments, newest first; with `parent_id` the replies to one, oldest first",
        page_of=CommentSerializer,
        errors=[Invalid],
        parameters=[OpenApiParameter("parent_id", OpenApiTypes.STR, description="The id of a comment.")],
    )
    def list(self, request: Request, post_id: UUID) -> Response:
        check_post_visible(request, post_id, review=True)
        parent_id, viewer_id = self._parent_id(request), request.user.pk
        window = Window.of(request, "comments", post=post_id, parent=parent_id)
        if parent_id is None:
            threads = Comment.objects.listed_for(viewer_id).on(post_id).threads()
            ids = newest_first(threads.values_list("pk", flat=True), window)
        elif Comment.objects.listed_for(viewer_id).on(post_id).filter(pk=parent_id).exists():
            replies = Comment.objects.listed_for(viewer_id).replies_to(parent_id)
            ids = oldest_first(replies.values_list("pk", flat=True), window)
        else:
            raise NotFound
        return Response(
            page(ids, window, position=lambda pk: [pk], cards=lambda shown: serialize_comments(shown, viewer_id))
        )

    @staticmethod
    def _parent_id(request: Request) -> UUID | None:
        raw = request.query_params.get("parent_id")
        if raw is None:
            return None
        parent_id = parse_id(raw)
        if parent_id is None:
            raise Invalid(parent_id=("invalid", "The id of a comment."))
        return parent_id

    @documented(
        summary="Remove a comment: its author, the post's author and moderators may",
        responses={204: None},
        errors=[Forbidden, moderation.CannotModerate],
    )
    def destroy(self, request: Request, post_id: UUID, comment_id: UUID) -> Response:
        comment = find_comment_on(request, post_id, comment_id)
        caller = cast(User, request.user)
        if caller.pk in {comment.author_id, comment.post.author_id}:
            comments.remove_comment(comment.pk)
        elif caller.is_moderator:
            moderation.take_down_instead_of_removing(comment, by=caller)
        else:
            raise Forbidden
        return Response(status=204)


class CommentLikeEndpoint(Endpoint):
    @documented(summary="Like a comment", responses={200: LikedCommentSerializer})
    def create(self, request: Request, comment_id: UUID) -> Response:
        services.like_comment(comment_id, by=self.caller_id)
        return self._answer(comment_id)

    @documented(summary="Take a comment's like back", responses={200: LikedCommentSerializer})
    def destroy(self, request: Request, comment_id: UUID) -> Response:
        services.unlike_comment(comment_id, by=self.caller_id)
        return self._answer(comment_id)

    def _answer(self, comment_id: UUID) -> Response:
        comment = reads.comment(comment_id, self.caller_id)
        return Response({"liked": comment.viewer.liked, "counts": serialize_comment_counts(comment)})
