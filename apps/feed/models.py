"""Visits, newest posts, snapshots, the mode of the feed, and the scores of explore."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.content.models import Post
from apps.feed import policy


class FeedVisit(models.Model):
    """The newest post of a feed when it was last refreshed. The number of visits is counted in Redis (`live.py`)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    newest_seen = models.UUIDField()
    refreshed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.user_id)


class NewestPost(models.Model):
    """No published post of the author is newer than `post`. The post itself may be unpublished or deleted.

    Triggers on the posts maintain it (migrations 0004 and 0006), so that it is true whatever writes them.
    """

    author = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    post = models.UUIDField()

    class Meta:
        indexes = [models.Index(fields=["-post"], include=["author"], name="newest_posts_latest_first")]

    def __str__(self) -> str:
        return str(self.author_id)


class FeedSnapshot(models.Model):
    """The newest ids of the feed of an active reader, as they were at `built_at`; see `snapshots.py`."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    # In the format of `packed.py`.
    ids = models.BinaryField(default=b"")
    built_at = models.DateTimeField(null=True, db_index=True)
    # A snapshot is saved only if it was not discarded while it was being built.
    generation = models.PositiveIntegerField(default=0)
    # The visits of the reader, for when Redis has lost them.
    visits = models.FloatField(default=0)

    def __str__(self) -> str:
        return str(self.user_id)


class FeedMode(models.Model):
    """The current mode of the feed and the inputs of the decision, in a single row; see `mode.py`."""

    class Mode(models.TextChoices):
        NORMAL = policy.NORMAL
        BUSY = policy.BUSY
        RECOVERING = policy.RECOVERING

    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.NORMAL)
    # The mode that an operator has chosen; empty: the policy decides.
    pinned = models.CharField(max_length=10, choices=Mode.choices, blank=True)
    calm = models.PositiveIntegerField(default=0)
    queue = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(null=True)
    hit_ratio = models.FloatField(null=True)
    decided_at = models.DateTimeField(db_default=Now())
    # When a task could not update the timelines in Redis.
    missed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_feed_mode")]

    def __str__(self) -> str:
        return str(self.pk)


class ExploreScore(models.Model):
    """How popular and recent a post is; see `explore.py`. Visibility is a question to the post."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="explore")
    score = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["-score", "-post"], name="explore_by_score")]

    def __str__(self) -> str:
        return str(self.post_id)
