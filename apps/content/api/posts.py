"""The doors to a post."""

from uuid import UUID

from rest_framework.request import Request

from apps.content.models import Post
from apps.content.querysets import PostQuerySet
from apps.core.db.statements import Sight, Statement, select
from apps.core.errors import NotFound


def visible_posts(request: Request) -> PostQuerySet:
    posts: PostQuerySet = Post.objects.visible_to(request.user.pk)
    return posts


def find_post(request: Request, post_id: UUID) -> Post:
    """The post, if the caller may see it. Raises NotFound."""
    return _one(visible_posts(request), post_id)


def may_review(request: Request) -> bool:
    """Whether the caller is a moderator."""
    return bool(getattr(request.user, "is_moderator", False))


_SEEN = Sight(lambda viewer, post: Post.objects.visible_to(viewer).filter(pk=post).values("pk"), "post")
_REVIEWED = Statement(lambda post: Post.objects.all().filter(pk=post).values("pk"), "post")


def require_sight(request: Request, post_id: UUID, *, review: bool = False) -> None:
    """For what is listed under a post. With `review` as `find_reviewable_post`. Raises NotFound."""
    sql = _REVIEWED.sql if review and may_review(request) else _SEEN.sql(request.user.pk)
    if not select(sql, viewer=request.user.pk, post=post_id):
        raise NotFound


def find_reviewable_post(request: Request, post_id: UUID) -> Post:
    """As `find_post`; and a moderator finds any post. For reading and judging it, not for taking part: to like or
    comment on a post, a moderator needs the sight of a person. Raises NotFound."""
    return _one(Post.objects.all() if may_review(request) else visible_posts(request), post_id)


def _one(posts: PostQuerySet, post_id: UUID) -> Post:
    post: Post | None = posts.filter(pk=post_id).first()
    if post is None:
        raise NotFound
    return post
