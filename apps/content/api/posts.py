"""The door to a post."""

from uuid import UUID

from rest_framework.request import Request

from apps.content.models import Post
from apps.content.querysets import PostQuerySet
from apps.core.errors import NotFound


def visible_posts(request: Request) -> PostQuerySet:
    posts: PostQuerySet = Post.objects.visible_to(request.user.pk)
    return posts


def find_post(request: Request, post_id: UUID) -> Post:
    """The post, with all that its card shows. A moderator finds any post, by its id only. Raises NotFound."""
    moderator = bool(getattr(request.user, "is_moderator", False))
    posts = Post.objects.all() if moderator else visible_posts(request)
    post: Post | None = posts.for_cards().filter(pk=post_id).first()
    if post is None:
        raise NotFound
    return post
