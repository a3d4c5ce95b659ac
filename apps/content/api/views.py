"""Posts."""

from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.content import captions, services
from apps.content.api import schemas
from apps.content.api.cards import post_card, post_page
from apps.content.api.posts import find_reviewable_post, may_review, visible_posts
from apps.content.models import Post
from apps.core.api.fields import Body, StrictBoolean, TextField
from apps.core.api.idempotency import idempotent
from apps.core.api.pagination import Window, newest_first, rows_of, window_sql
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.db.ids import parse_id
from apps.core.db.statements import Sight, select
from apps.core.errors import Forbidden
from apps.safety.newcomers import NewAccountLimitReached
from apps.safety.terms import BlockedText
from apps.social.api.profiles import get_profile_content_or_404


class PostFields(Body):
    caption = TextField(max_length=2200, allow_blank=True, required=False)
    visibility = serializers.ChoiceField(choices=Post.Visibility.values, required=False)
    sensitive = StrictBoolean(required=False)
    comments_enabled = StrictBoolean(required=False)


class CreatePost(PostFields):
    media_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=services.MAX_MEDIA, allow_empty=False
    )


class UpdatePost(PostFields):
    alt_texts = serializers.DictField(child=TextField(max_length=1500, allow_blank=True), required=False)

    def validate_alt_texts(self, texts: dict[str, str]) -> dict[UUID, str]:
        ids = {spelled: parse_id(spelled) for spelled in texts}
        if malformed := {spelled: ["Not a medium of this post."] for spelled, pk in ids.items() if pk is None}:
            raise serializers.ValidationError(malformed, code="invalid_media")
        return {pk: texts[spelled] for spelled, pk in ids.items() if pk}


class PostEndpoint(Endpoint):
    open_to_all = frozenset({"retrieve"})
    bodies = {"create": CreatePost, "partial_update": UpdatePost}

    @documented(
        summary="Post photos",
        request=CreatePost,
        responses={201: schemas.Post},
        errors=[BlockedText, NewAccountLimitReached],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        post = services.create_post(author_id=self.caller_id, **self.body(request))
        return Response(post_card(post.pk, self.caller_id), status=201, headers={"Location": f"/v1/posts/{post.pk}"})

    @documented(summary="A post", responses={200: schemas.Post})
    def retrieve(self, request: Request, post_id: UUID) -> Response:
        return Response(post_card(post_id, request.user.pk, review=may_review(request)))

    @documented(
        summary="Edit a post of one's own",
        request=UpdatePost,
        responses={200: schemas.Post},
        errors=[Forbidden, BlockedText],
    )
    def partial_update(self, request: Request, post_id: UUID) -> Response:
        services.update_post(self._own(request, post_id), changes=self.body(request, partial=True))
        return Response(post_card(post_id, self.caller_id))

    @documented(summary="Delete a post of one's own", responses={204: None}, errors=[Forbidden])
    def destroy(self, request: Request, post_id: UUID) -> Response:
        services.delete_post(self._own(request, post_id))
        return Response(status=204)

    @staticmethod
    def _own(request: Request, post_id: UUID) -> Post:
        post = find_reviewable_post(request, post_id)
        if post.author_id != request.user.pk:
            raise Forbidden
        return post


_WRITTEN_BY = Sight(
    lambda viewer, author: Post.objects.visible_to(viewer).written_by(author).values_list("pk"), "author"
)


class PostListEndpoint(Endpoint):
    open_to_all = frozenset({"by_author", "by_tag"})

    @documented(summary="Somebody's posts, newest first", page_of=schemas.Post)
    def by_author(self, request: Request, user: str) -> Response:
        person = get_profile_content_or_404(request, user)
        window = Window.of(request, "posts-by-author", author=person.id)
        sql = window_sql(_WRITTEN_BY.sql(request.user.pk), "id")
        rows = select(sql, viewer=request.user.pk, author=person.id, **rows_of(window))
        return Response(post_page([pk for (pk,) in rows], window, request.user.pk))

    @documented(summary="Posts with a tag, newest first", page_of=schemas.Post)
    def by_tag(self, request: Request, tag: str) -> Response:
        name = captions.normalise_tag(tag.removeprefix("#")) or ""  # what is no tag is on no post
        window = Window.of(request, "posts-by-tag", tag=name)
        before = window.after[0] if window.after else None
        posts = visible_posts(request).standing().tagged(name, before=before)
        ids = newest_first(posts.values_list("pk", flat=True), window)
        return Response(post_page(ids, window, request.user.pk))
