"""Follows, follow requests, blocks and mutes."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.core.db.querysets import InsertOrIgnoreQuerySet
from apps.core.models import UUIDModel


class Edge(UUIDModel):
    """A row from one account to another, newest by id."""

    created_at = models.DateTimeField(db_default=Now())

    objects = InsertOrIgnoreQuerySet.as_manager()

    class Meta:
        abstract = True


class Follow(Edge):
    follower = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="following_set")
    followed = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="follower_set")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follower", "followed"], name="one_follow_per_pair"),
            models.CheckConstraint(condition=~Q(follower=F("followed")), name="nobody_follows_themself"),
        ]
        indexes = [
            models.Index(fields=["followed", "-id"], name="followers_newest_first"),
            models.Index(fields=["follower", "-id"], name="following_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.follower_id} follows {self.followed_id}"


class FollowRequest(Edge):
    """A request to follow a private account. It gives no access until it is accepted."""

    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    target = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["requester", "target"], name="one_request_per_pair"),
            models.CheckConstraint(condition=~Q(requester=F("target")), name="nobody_asks_themself"),
        ]
        indexes = [models.Index(fields=["target", "-id"], name="requests_newest_first")]

    def __str__(self) -> str:
        return f"{self.requester_id} requests to follow {self.target_id}"


class Block(Edge):
    blocker = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    blocked = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="one_block_per_pair"),
            models.CheckConstraint(condition=~Q(blocker=F("blocked")), name="nobody_blocks_themself"),
        ]
        indexes = [models.Index(fields=["blocker", "-id"], name="blocks_newest_first")]

    def __str__(self) -> str:
        return f"{self.blocker_id} blocks {self.blocked_id}"


class Mute(Edge):
    muter = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    muted = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["muter", "muted"], name="one_mute_per_pair"),
            models.CheckConstraint(condition=~Q(muter=F("muted")), name="nobody_mutes_themself"),
        ]
        indexes = [models.Index(fields=["muter", "-id"], name="mutes_newest_first")]

    def __str__(self) -> str:
        return f"{self.muter_id} mutes {self.muted_id}"


class Hidden(models.Model):
    """A row of the view `social_hidden`: `person` is hidden from `viewer`, because one of them blocks the other.

    The view is the only definition of what a block does. Querysets use it through this model, and SQL files by its
    name. It has two rows for two people who block each other.
    """

    pk = models.CompositePrimaryKey("viewer_id", "person_id")
    viewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+")

    class Meta:
        managed = False
        db_table = "social_hidden"

    def __str__(self) -> str:
        return f"{self.person_id} is hidden from {self.viewer_id}"
