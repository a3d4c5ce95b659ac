"""What people are told, by whom it was caused, and how it reaches them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.core.models import UUIDModel
from apps.core.tasks.leased import LeasedJob, LeasedJobQuerySet
from apps.engagement.models import Comment
from apps.notifications.querysets import NotificationQuerySet, PushSubscriptionQuerySet


class Type(models.TextChoices):
    FOLLOW = "follow"
    FOLLOW_REQUEST = "follow_request"
    FOLLOW_ACCEPTED = "follow_accepted"
    LIKE = "like"
    COMMENT = "comment"
    REPLY = "reply"
    MENTION = "mention"
    COMMENT_LIKE = "comment_like"
    MODERATION = "moderation"


class Channel(models.TextChoices):
    PUSH = "push"
    EMAIL = "email"


class Notification(UUIDModel):
    """Something the recipient is told. Likes of one post, and follows, fold into one while it is unread."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    type = models.CharField(max_length=20, choices=Type.choices)
    post = models.ForeignKey(Post, models.CASCADE, null=True, related_name="+")
    comment = models.ForeignKey(Comment, models.CASCADE, null=True, related_name="+")
    # Of a decision of the moderators: its statement of reasons. Other previews are made when they are read.
    statement = models.TextField(blank=True)
    # Whether it is in the list; what the recipient wants by push or mail only is not.
    in_app = models.BooleanField(default=True)
    # Its place in the list: a new one when it is folded into.
    latest = models.UUIDField(default=new_id)
    read_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = NotificationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["recipient", "-latest"], name="notifications_latest_first"),
            models.Index(fields=["recipient", "-latest"], condition=Q(read_at=None), name="unread_latest_first"),
            models.Index(fields=["recipient", "type", "-latest"], name="notifications_by_type"),
            models.Index(fields=["updated_at"], name="notifications_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "post", "in_app"],
                condition=Q(type="like", read_at=None),
                name="one_unread_for_likes_of_post",
            ),
            models.UniqueConstraint(
                fields=["recipient", "in_app"], condition=Q(type="follow", read_at=None), name="one_unread_for_follows"
            ),
            models.CheckConstraint(condition=Q(type__in=Type.values), name="notification_type_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Act(UUIDModel):
    """Who caused a notification. `cause` is the id of the row that did (a like, a follow, a comment), so that a task
    that runs twice tells once."""

    notification = models.ForeignKey(Notification, models.CASCADE, related_name="acts", db_index=False)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    cause = models.UUIDField()

    class Meta:
        indexes = [models.Index(fields=["notification", "-id"], name="acts_newest_first")]
        constraints = [models.UniqueConstraint(fields=["recipient", "cause"], name="told_once_of_each_cause")]

    def __str__(self) -> str:
        return f"{self.actor_id} in {self.notification_id}"


class Preference(models.Model):
    """By which channels somebody wants to be told of one type; without a row, as `preferences.DEFAULTS` says."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    type = models.CharField(max_length=20, choices=Type.choices)
    in_app = models.BooleanField()
    push = models.BooleanField()
    email = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "type"], name="one_preference_per_type")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.type}"


class PushSubscription(UUIDModel):
    """A browser that takes Web Push messages (RFC 8030); removed when its service says that it is gone."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    endpoint = models.URLField(max_length=500, unique=True)
    p256dh = models.CharField(max_length=200)
    auth = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now())

    objects = PushSubscriptionQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.id)


class Delivery(UUIDModel, LeasedJob):
    """That an act is to reach the recipient by a channel. The row is the record; the task is rung again until it is
    settled."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        DROPPED = "dropped"  # not to be seen any more, or nowhere to go to
        FAILED = "failed"

    act = models.ForeignKey(Act, models.CASCADE, related_name="deliveries", db_index=False)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    next_attempt_at = models.DateTimeField(null=True, db_column="try_after")
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True)

    objects = LeasedJobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="pending"), name="deliveries_to_make"),
            # For the console: few, and those that are looked for.
            models.Index(fields=["-id"], condition=Q(status="failed"), name="failed_deliveries"),
        ]
        constraints = [models.UniqueConstraint(fields=["act", "channel"], name="one_delivery_per_act_and_channel")]

    def __str__(self) -> str:
        return f"{self.channel} {self.status}"
