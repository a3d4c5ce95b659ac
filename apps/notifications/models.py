"""Notifications, the events that caused them, and their deliveries by push and mail."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.accounts.models import Session
from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.core.models import UUIDModel
from apps.core.tasks.leased import LeasedJob, LeasedJobQuerySet
from apps.engagement.models import Comment
from apps.notifications.querysets import NotificationEventQuerySet, NotificationQuerySet, PushSubscriptionQuerySet


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
    REPORT = "report"  # an answer to a report of the recipient


class Channel(models.TextChoices):
    PUSH = "push"
    EMAIL = "email"


class Notification(UUIDModel):
    """A notification of a user. While it is unread, further likes of its post, or follows, are added to it."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    type = models.CharField(max_length=20, choices=Type.choices)
    post = models.ForeignKey(Post, models.CASCADE, null=True, related_name="+")
    comment = models.ForeignKey(Comment, models.CASCADE, null=True, related_name="+")
    # The statement of reasons of a moderation action, or the answer to a report. Other previews are made when a
    # notification is read.
    statement = models.TextField(blank=True)
    # False: not in the list, because the recipient wants this type by push or mail only.
    in_app = models.BooleanField(default=True)
    # The position in the list, a UUIDv7. Renewed when an event is added.
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


class NotificationEvent(UUIDModel):
    """An actor's part in a notification. `cause` is the id of the row that caused it (a like, a follow, a comment), so
    that a task that runs twice records it once."""

    notification = models.ForeignKey(Notification, models.CASCADE, related_name="events", db_index=False)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    # Null for moderation actions and answers to reports.
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    cause = models.UUIDField()

    objects = NotificationEventQuerySet.as_manager()

    class Meta:
        # The name of the table in earlier releases, which may run side by side with this one.
        db_table = "notifications_act"
        indexes = [models.Index(fields=["notification", "-id"], name="acts_newest_first")]
        constraints = [models.UniqueConstraint(fields=["recipient", "cause"], name="told_once_of_each_cause")]

    def __str__(self) -> str:
        return f"{self.actor_id} in {self.notification_id}"


class Preference(models.Model):
    """The channels that a user wants for a type of notification. Without a row, `preferences.DEFAULTS` applies."""

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
    """A browser that receives Web Push messages (RFC 8030). Deleted when its push service reports that it is gone.

    It receives messages while the session that subscribed is live, so that ending a session, anywhere, ends them.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # Null for subscriptions of earlier releases, which last until they are deleted.
    session = models.ForeignKey(Session, models.CASCADE, null=True, related_name="+")
    endpoint = models.URLField(max_length=500, unique=True)
    p256dh = models.CharField(max_length=200)
    auth = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now())

    objects = PushSubscriptionQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.id)


class Delivery(UUIDModel, LeasedJob):
    """The delivery of an event to its recipient by a channel. The task is enqueued again until the row is settled."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        DROPPED = "dropped"  # no longer readable, already read, or no address
        FAILED = "failed"

    event = models.ForeignKey(
        NotificationEvent, models.CASCADE, related_name="deliveries", db_index=False, db_column="act_id"
    )
    channel = models.CharField(max_length=10, choices=Channel.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    next_attempt_at = models.DateTimeField(null=True, db_column="try_after")
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True)

    objects = LeasedJobQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="pending"), name="deliveries_to_make"),
            # For the console.
            models.Index(fields=["-id"], condition=Q(status="failed"), name="failed_deliveries"),
        ]
        constraints = [models.UniqueConstraint(fields=["event", "channel"], name="one_delivery_per_act_and_channel")]

    def __str__(self) -> str:
        return f"{self.channel} {self.status}"
