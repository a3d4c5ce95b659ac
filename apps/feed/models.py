"""What the feed remembers of its readers, of posts and of itself."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.content.models import Post
from apps.feed import policy


class FeedVisit(models.Model):
    """The newest post that was in somebody's feed when they last refreshed it. How often they come, and whether they
    are hot, is counted elsewhere (`live.py`)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    newest_seen = models.UUIDField()
    refreshed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.user_id)


class NewestPost(models.Model):
    """No post of the author that stands is newer than `post`, which itself may have gone since.

    A trigger on the posts keeps it (migration 0004), so that it holds whatever writes them.
    """

    author = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    post = models.UUIDField()

    class Meta:
        indexes = [models.Index(fields=["-post"], include=["author"], name="newest_posts_latest_first")]

    def __str__(self) -> str:
        return str(self.author_id)


class FeedSnapshot(models.Model):
    """The newest ids of the feed of somebody who reads often, as they were at `built_at`; see `snapshots.py`."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    # As `packed.py` writes them.
    ids = models.BinaryField(default=b"")
    built_at = models.DateTimeField(null=True, db_index=True)
    # Whoever builds one writes it only if nobody has made it void meanwhile.
    generation = models.PositiveIntegerField(default=0)
    # How hot its reader was, for when Redis has forgotten.
    visits = models.FloatField(default=0)

    def __str__(self) -> str:
        return str(self.user_id)


class FeedMode(models.Model):
    """The one row that says how the feed works at present, and from which signs that was decided; see `mode.py`."""

    class Mode(models.TextChoices):
        NORMAL = policy.NORMAL
        BUSY = policy.BUSY
        RECOVERING = policy.RECOVERING

    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.NORMAL)
    # What an operator has decided instead; empty: the policy decides.
    pinned = models.CharField(max_length=10, choices=Mode.choices, blank=True)
    calm = models.PositiveIntegerField(default=0)
    queue = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(null=True)
    hit_ratio = models.FloatField(null=True)
    decided_at = models.DateTimeField(db_default=Now())
    # When something that the timelines in Redis should have been told could not be told.
    missed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_feed_mode")]

    def __str__(self) -> str:
        return str(self.pk)


class ExploreScore(models.Model):
    """How popular and recent a post is; see `explore.py`. Who may see it is asked of the post."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="explore")
    score = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["-score", "-post"], name="explore_by_score")]

    def __str__(self) -> str:
        return str(self.post_id)
