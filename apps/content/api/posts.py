"""The doors to a post."""

from uuid import UUID

from rest_framework.request import Request

from apps.content.models import Post
from apps.content.querysets import PostQuerySet
from apps.core.errors import NotFound


def visible_posts(request: Request) -> PostQuerySet:
    posts: PostQuerySet = Post.objects.visible_to(request.user.pk)
    return posts


def find_post(request: Request, post_id: UUID) -> Post:
    """The post, if the caller may see it. Raises NotFound."""
    return _one(visible_posts(request), post_id)


def find_reviewable_post(request: Request, post_id: UUID) -> Post:
    """As `find_post`; and a moderator finds any post. For reading and judging it, not for taking part: to like or
    comment on a post, a moderator needs the sight of a person. Raises NotFound."""
    moderator = bool(getattr(request.user, "is_moderator", False))
    return _one(Post.objects.all() if moderator else visible_posts(request), post_id)


def _one(posts: PostQuerySet, post_id: UUID) -> Post:
    post: Post | None = posts.filter(pk=post_id).first()
    if post is None:
        raise NotFound
    return post
