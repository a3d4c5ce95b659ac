"""Counters of likes and comments."""

from apps.content.models import Post
from apps.core.db.counters import Counter
from apps.engagement.models import Comment, CommentLike, Like

LIKES = Counter(shown_on=Post, column="like_count", rows=Like.objects.all(), subject="post")
COMMENTS = Counter(shown_on=Post, column="comment_count", rows=Comment.objects.published(), subject="post")
REPLIES = Counter(shown_on=Comment, column="reply_count", rows=Comment.objects.published(), subject="parent")
COMMENT_LIKES = Counter(shown_on=Comment, column="like_count", rows=CommentLike.objects.all(), subject="comment")
