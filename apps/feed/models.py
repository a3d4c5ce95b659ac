"""What the feed remembers of its readers."""

from django.conf import settings
from django.db import models

from apps.content.models import Post


class FeedVisit(models.Model):
    """The newest post that was in somebody's feed when they last refreshed it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    newest_seen = models.UUIDField()
    refreshed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.user_id)


class ExploreScore(models.Model):
    """How popular and recent a post is; see `explore.py`. Who may see it is asked of the post."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="explore")
    score = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["-score", "-post"], name="explore_by_score")]

    def __str__(self) -> str:
        return str(self.post_id)
