"""What the feed remembers of its readers."""

from django.conf import settings
from django.db import models


class FeedVisit(models.Model):
    """The newest post that was in somebody's feed when they last refreshed it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    newest_seen = models.UUIDField()
    refreshed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.user_id)
