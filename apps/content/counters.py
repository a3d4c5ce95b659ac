"""What posts move."""

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.counters import Counter

# A profile counts what its visitors may find there: posts that are published and not taken down.
POSTS = Counter(
    shown_on=User,
    column="post_count",
    rows=Post.objects.filter(status=Post.Status.PUBLISHED, taken_down_at=None),
    subject="author",
)


def is_counted(post: Post) -> bool:
    """Whether the post is among the rows of `POSTS`."""
    return post.status == Post.Status.PUBLISHED and post.taken_down_at is None
