"""Counters that follows change."""

from apps.accounts.models import User
from apps.core.db.counters import Counter
from apps.social.models import Follow

FOLLOWERS = Counter(shown_on=User, column="follower_count", rows=Follow.objects.all(), subject="followed")
FOLLOWING = Counter(shown_on=User, column="following_count", rows=Follow.objects.all(), subject="follower")
