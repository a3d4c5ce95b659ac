"""Posts for views of other apps: get one, or check that it is visible."""

from uuid import UUID

from django.http import HttpRequest
from rest_framework.request import Request

from apps.accounts.api.authentication import is_moderator
from apps.content.models import Post
from apps.content.querysets import PostQuerySet
from apps.core.db.compiled import CompiledQuery
from apps.core.errors import Forbidden, NotFound
from apps.engagement import reads
from apps.engagement.reads import PostRow

_VISIBLE = CompiledQuery(lambda viewer, post: Post.objects.visible_to(viewer).filter(pk=post).values("pk"))
_ANY = CompiledQuery(lambda post: Post.objects.readable_by(None, is_moderator=True).filter(pk=post).values("pk"))


def readable_posts(request: Request | HttpRequest) -> PostQuerySet:
    """The posts that the caller may read by their id."""
    posts: PostQuerySet = Post.objects.readable_by(request.user.pk, is_moderator=is_moderator(request))
    return posts


def read_post(request: Request | HttpRequest, post_id: UUID) -> PostRow:
    """The post as the caller sees it. A moderator may read any post, to judge it. Raises NotFound."""
    visible = reads.ALL_POSTS if is_moderator(request) else reads.VISIBLE_POSTS
    return reads.post(post_id, request.user.pk, visible=visible)


def check_post_visible(request: Request | HttpRequest, post_id: UUID) -> None:
    """Raises NotFound if the caller may not see the post."""
    if not _VISIBLE.exists(viewer=request.user.pk, post=post_id):
        raise NotFound


def check_post_readable(request: Request | HttpRequest, post_id: UUID) -> None:
    """For lists below a post. As `check_post_visible`, but a moderator may read any post. Raises NotFound."""
    if not is_moderator(request):
        check_post_visible(request, post_id)
    elif not _ANY.exists(post=post_id):
        raise NotFound


def find_post(request: Request | HttpRequest, post_id: UUID) -> Post:
    """The post. Raises NotFound if the caller may not see it."""
    return _get(Post.objects.visible_to(request.user.pk), post_id)


def find_reviewable_post(request: Request | HttpRequest, post_id: UUID) -> Post:
    """As `find_post`, but a moderator finds any post: to read and to judge it. Raises NotFound."""
    return _get(readable_posts(request), post_id)


def find_own_post(request: Request | HttpRequest, post_id: UUID) -> Post:
    """The post of the caller. Raises NotFound if the caller may not see it, and Forbidden if it is not theirs."""
    post = find_reviewable_post(request, post_id)
    if post.author_id != request.user.pk:
        raise Forbidden
    return post


def _get(posts: PostQuerySet, post_id: UUID) -> Post:
    post: Post | None = posts.filter(pk=post_id).first()
    if post is None:
        raise NotFound
    return post
