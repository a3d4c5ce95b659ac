"""Posts."""

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.content import captions, services
from apps.content.api.posts import find_reviewable_post, may_review, visible_posts
from apps.content.api.serializers import CreatePost, PostSerializer, UpdatePost, post_page, serialize_post
from apps.content.models import Post
from apps.core.api.idempotency import idempotent
from apps.core.api.pagination import Window, newest_first
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.db.compiled import CompiledQuery
from apps.core.errors import Forbidden
from apps.engagement import reads
from apps.safety.newcomers import NewAccountLimitReached
from apps.safety.terms import BlockedText
from apps.social.api.people import look_inside


class PostEndpoint(Endpoint):
    open_to_all = frozenset({"retrieve"})
    bodies = {"create": CreatePost, "partial_update": UpdatePost}

    @documented(
        summary="Post photos",
        request=CreatePost,
        responses={201: PostSerializer},
        errors=[BlockedText, NewAccountLimitReached],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        post = services.create_post(author_id=self.caller_id, **self.body(request))
        return Response(self._representation(post.pk), status=201, headers={"Location": f"/v1/posts/{post.pk}"})

    @documented(summary="A post", responses={200: PostSerializer})
    def retrieve(self, request: Request, post_id: UUID) -> Response:
        visible = reads.ALL_POSTS if may_review(request) else reads.VISIBLE_POSTS
        return Response(self._representation(post_id, visible))

    @documented(
        summary="Edit a post of one's own",
        request=UpdatePost,
        responses={200: PostSerializer},
        errors=[Forbidden, BlockedText],
    )
    def partial_update(self, request: Request, post_id: UUID) -> Response:
        services.update_post(self._own(request, post_id), changes=self.body(request, partial=True))
        return Response(self._representation(post_id))

    @documented(summary="Delete a post of one's own", responses={204: None}, errors=[Forbidden])
    def destroy(self, request: Request, post_id: UUID) -> Response:
        services.delete_post(self._own(request, post_id))
        return Response(status=204)

    def _representation(self, post_id: UUID, visible: CompiledQuery = reads.VISIBLE_POSTS) -> dict[str, Any]:
        viewer_id = self.request.user.pk
        return serialize_post(reads.post(post_id, viewer_id, visible=visible), viewer_id)

    @staticmethod
    def _own(request: Request, post_id: UUID) -> Post:
        post = find_reviewable_post(request, post_id)
        if post.author_id != request.user.pk:
            raise Forbidden
        return post


class PostListEndpoint(Endpoint):
    open_to_all = frozenset({"by_author", "by_tag"})

    @documented(summary="Somebody's posts, newest first", page_of=PostSerializer)
    def by_author(self, request: Request, user: str) -> Response:
        person = look_inside(request, user)
        window = Window.of(request, "posts-by-author", author=person.id)
        posts = visible_posts(request).written_by(person.id)
        return Response(post_page(newest_first(posts.values_list("pk", flat=True), window), window, request.user.pk))

    @documented(summary="Posts with a tag, newest first", page_of=PostSerializer)
    def by_tag(self, request: Request, tag: str) -> Response:
        name = captions.normalise_tag(tag.removeprefix("#")) or ""  # no post has an invalid tag
        window = Window.of(request, "posts-by-tag", tag=name)
        before = window.after[0] if window.after else None
        posts = visible_posts(request).published().tagged(name, before=before)
        ids = newest_first(posts.values_list("pk", flat=True), window)
        return Response(post_page(ids, window, request.user.pk))
