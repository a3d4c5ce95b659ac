"""What posts move."""

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.counters import Counter

POSTS = Counter(
    shown_on=User,
    column="post_count",
    rows=Post.objects.filter(status=Post.Status.PUBLISHED, taken_down_at=None),
    subject="author",
)
