"""Counters of posts."""

from apps.accounts.models import User
from apps.content.models import Post
from apps.content.querysets import PUBLISHED
from apps.core.db.counters import Counter

# Shown on profiles. It does not depend on the state of the account, which the profile's visibility covers.
POSTS = Counter(shown_on=User, column="post_count", rows=Post.objects.filter(PUBLISHED), subject="author")
