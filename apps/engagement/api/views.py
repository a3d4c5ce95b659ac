"""Likes, saves and comments."""

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.content.api.cards import post_cards
from apps.content.api.posts import find_post, require_sight
from apps.content.api.schemas import Post as PostShape
from apps.core.api.fields import Body, TextField
from apps.core.api.idempotency import idempotent
from apps.core.api.pagination import Window, newest_first, oldest_first, page, rows_of, window_sql
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.db.ids import parse_id
from apps.core.db.statements import Sight, select
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.engagement import services
from apps.engagement.api import schemas
from apps.engagement.api.cards import comment_card, comment_cards, comment_counts, post_counts
from apps.engagement.api.comments import find_comment, find_comment_on
from apps.engagement.models import Comment
from apps.engagement.querysets import comment_marks, liked_by, likes_of, saved_by
from apps.moderation import services as moderation
from apps.safety.newcomers import NewAccountLimitReached
from apps.safety.terms import BlockedText
from apps.social.api.serializers import serialize_listed_user
from apps.social.reads import RelationshipList


class CommentBody(Body):
    text = TextField(max_length=1000)
    parent_id = serializers.UUIDField(required=False, allow_null=True)


LIKERS = RelationshipList(lambda viewer, post: likes_of(post, seen_by=viewer), user="user")

THREADS = Sight(lambda viewer, post: Comment.objects.listed_for(viewer).on(post).threads().values_list("pk"), "post")


class LikeEndpoint(Endpoint):
    @documented(summary="Like a post", responses={200: schemas.Liked})
    def create(self, request: Request, post_id: UUID) -> Response:
        return self._answer(services.like(post_id, by=self.caller_id), liked=True)

    @documented(summary="Take a like back", responses={200: schemas.Liked})
    def destroy(self, request: Request, post_id: UUID) -> Response:
        return self._answer(services.unlike(post_id, by=self.caller_id), liked=False)

    @staticmethod
    def _answer(post: services.LockedPost, *, liked: bool) -> Response:
        return Response({"liked": liked, "counts": post_counts(post.like_count, post.comment_count, post.marks)})

    @documented(summary="Who likes a post, newest first", page_of=schemas.Liker)
    def list(self, request: Request, post_id: UUID) -> Response:
        require_sight(request, post_id)
        window = Window.of(request, "likes", post=post_id)
        after = UUID(window.after[0]) if window.after else None
        rows = LIKERS.page(viewer=self.caller_id, after=after, limit=window.limit + 1, post=post_id)
        return Response(
            page(
                rows,
                window,
                position=lambda row: [row.id],
                card=lambda row: serialize_listed_user(row) | {"liked_at": row.created_at},
            )
        )


class SaveEndpoint(Endpoint):
    @documented(summary="Save a post", responses={200: schemas.Saved})
    def create(self, request: Request, post_id: UUID) -> Response:
        services.save(post_id, by=self.caller_id)
        return Response({"saved": True})

    @documented(summary="Save a post no longer", responses={200: schemas.Saved})
    def destroy(self, request: Request, post_id: UUID) -> Response:
        services.unsave(find_post(request, post_id).pk, by=self.caller_id)
        return Response({"saved": False})


class CollectionEndpoint(Endpoint):
    @documented(summary="Posts one has saved, the last saved first", page_of=PostShape)
    def saved(self, request: Request) -> Response:
        return self._posts(Window.of(request, "saved"), saved_by(self.caller_id))

    @documented(summary="Posts one likes, the last liked first", page_of=PostShape)
    def liked(self, request: Request) -> Response:
        return self._posts(Window.of(request, "liked"), liked_by(self.caller_id))

    def _posts(self, window: Window, acts: QuerySet[Any]) -> Response:
        rows = newest_first(acts.values_list("pk", "post_id"), window)
        return Response(
            page(
                rows,
                window,
                position=lambda row: [row[0]],
                cards=lambda shown: post_cards([post_id for _, post_id in shown], self.caller_id),
            )
        )


class CommentEndpoint(Endpoint):
    open_to_all = frozenset({"list"})
    bodies = {"create": CommentBody, "comment": CommentBody}

    @documented(
        summary="Comment on a post, or reply to a comment",
        request=CommentBody,
        responses={201: schemas.Comment},
        errors=[services.CommentsDisabled, BlockedText, NewAccountLimitReached],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request, post_id: UUID) -> Response:
        made = services.comment(post_id, by=self.caller_id, **self.body(request))
        return Response(comment_card(made.pk, self.caller_id), status=201)

    # The same call under its other name.
    comment = create

    @documented(
        summary="Comments, newest first; with `parent_id` the replies to one, oldest first",
        page_of=schemas.Comment,
        errors=[Invalid],
        parameters=[OpenApiParameter("parent_id", OpenApiTypes.STR, description="The id of a comment.")],
    )
    def list(self, request: Request, post_id: UUID) -> Response:
        require_sight(request, post_id, review=True)
        parent_id, viewer_id = self._parent_id(request), request.user.pk
        window = Window.of(request, "comments", post=post_id, parent=parent_id)
        if parent_id is None:
            sql = window_sql(THREADS.sql(viewer_id), "id")
            ids = [pk for (pk,) in select(sql, viewer=viewer_id, post=post_id, **rows_of(window))]
        elif Comment.objects.listed_for(viewer_id).on(post_id).filter(pk=parent_id).exists():
            replies = Comment.objects.listed_for(viewer_id).replies_to(parent_id)
            ids = oldest_first(replies.values_list("pk", flat=True), window)
        else:
            raise NotFound
        return Response(
            page(ids, window, position=lambda pk: [pk], cards=lambda shown: comment_cards(shown, viewer_id))
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
            services.remove_comment(comment.pk)
        elif caller.is_moderator:
            moderation.take_down_instead_of_removing(comment, by=caller)
        else:
            raise Forbidden
        return Response(status=204)


class CommentLikeEndpoint(Endpoint):
    @documented(summary="Like a comment", responses={200: schemas.LikedComment})
    def create(self, request: Request, comment_id: UUID) -> Response:
        return self._answer(services.like_comment(find_comment(request, comment_id).pk, by=self.caller_id))

    @documented(summary="Take a comment's like back", responses={200: schemas.LikedComment})
    def destroy(self, request: Request, comment_id: UUID) -> Response:
        return self._answer(services.unlike_comment(find_comment(request, comment_id).pk, by=self.caller_id))

    def _answer(self, comment: Comment) -> Response:
        mark = comment_marks(self.caller_id, comment.pk)
        return Response({"liked": mark.liked, "counts": comment_counts(comment.like_count, comment.reply_count, mark)})
