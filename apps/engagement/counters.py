"""What likes and comments move."""

from apps.content.models import Post
from apps.core.counters import Counter
from apps.engagement.models import Comment, Like

_STANDING = Comment.objects.filter(removed_at=None, taken_down_at=None)

LIKES = Counter(shown_on=Post, column="like_count", rows=Like.objects.all(), subject="post")
COMMENTS = Counter(shown_on=Post, column="comment_count", rows=_STANDING, subject="post")
REPLIES = Counter(shown_on=Comment, column="reply_count", rows=_STANDING, subject="parent")
