"""Visibility checks of posts, for views."""

from uuid import UUID

from rest_framework.request import Request

from apps.content.models import Post
from apps.content.querysets import PostQuerySet
from apps.core.db.compiled import CompiledQuery
from apps.core.errors import NotFound

_VISIBLE = CompiledQuery(lambda viewer, post: Post.objects.visible_to(viewer).filter(pk=post).values("pk"))
_EXISTING = CompiledQuery(lambda post: Post.objects.filter(pk=post).values("pk"))


def visible_posts(request: Request) -> PostQuerySet:
    posts: PostQuerySet = Post.objects.visible_to(request.user.pk)
    return posts


def may_review(request: Request) -> bool:
    """Whether the caller is a moderator."""
    return bool(getattr(request.user, "is_moderator", False))


def check_post_visible(request: Request, post_id: UUID, *, review: bool = False) -> None:
    """For lists below a post. `review`: a moderator may see any post. Raises NotFound."""
    if review and may_review(request):
        visible = _EXISTING.exists(post=post_id)
    else:
        visible = _VISIBLE.exists(viewer=request.user.pk, post=post_id)
    if not visible:
        raise NotFound


def find_post(request: Request, post_id: UUID) -> Post:
    """The post. Raises NotFound if the caller may not see it."""
    return _get(visible_posts(request), post_id)


def find_reviewable_post(request: Request, post_id: UUID) -> Post:
    """As `find_post`, but a moderator finds any post: to read and to judge it, not to like or comment on it. Raises
    NotFound."""
    return _get(Post.objects.all() if may_review(request) else visible_posts(request), post_id)


def _get(posts: PostQuerySet, post_id: UUID) -> Post:
    post: Post | None = posts.filter(pk=post_id).first()
    if post is None:
        raise NotFound
    return post
