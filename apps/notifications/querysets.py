"""The read rules of notifications, which the list, the unread count and the deliveries share."""

from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.models import Session, User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.social.blocks import is_hidden
from apps.social.models import Mute

if TYPE_CHECKING:
    from apps.notifications.models import Notification, NotificationEvent, PushSubscription  # noqa: F401  (forward references)

# The types without an actor, whose text is stored: decisions of moderators and answers to reports.
WITH_STATEMENT = frozenset({"moderation", "report"})


class NotificationQuerySet(QuerySet["Notification"]):
    def owned_by(self, user_id: UUID) -> Self:
        return self.filter(recipient=user_id)

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def listed_for(self, user_id: UUID) -> Self:
        """Like `readable_by`, without notifications that the recipient wants by push or mail only."""
        return self.readable_by(user_id).filter(in_app=True)

    def readable_by(self, user_id: UUID) -> Self:
        """Notifications with a visible actor and, if they have any, a visible post and comment.

        Notifications of moderation actions and answers to reports have no actor and are always readable.
        """
        events = _events().visible_to(user_id).filter(notification=OuterRef("pk"))
        post = Post.objects.visible_to(user_id).published().filter(pk=OuterRef("post_id"))
        comment = Comment.objects.visible_to(user_id).filter(pk=OuterRef("comment_id"))
        shows_target = (Q(post=None) | Exists(post)) & (Q(comment=None) | Exists(comment))
        return self.owned_by(user_id).filter(Q(type__in=WITH_STATEMENT) | (Exists(events) & shows_target))


class NotificationEventQuerySet(QuerySet["NotificationEvent"]):
    def visible_to(self, user_id: UUID) -> Self:
        """Events whose actor is active, not muted by the user, and not hidden from them by a block."""
        events = self.filter(actor__isnull=False)
        # Few accounts are inactive, and a partial index holds them: looking up each actor would cost half of a page.
        events = events.exclude(Exists(User.objects.inactive().filter(pk=OuterRef("actor_id"))))
        events = events.exclude(Exists(Mute.objects.filter(muter=user_id, muted=OuterRef("actor_id"))))
        return events.exclude(is_hidden("actor_id", user_id))


def _events() -> NotificationEventQuerySet:
    events: NotificationEventQuerySet = apps.get_model("notifications", "NotificationEvent")._default_manager.all()
    return events


class PushSubscriptionQuerySet(QuerySet["PushSubscription"]):
    def owned_by(self, user_id: UUID) -> Self:
        return self.filter(user=user_id)

    def live(self) -> Self:
        """Subscriptions whose session has not ended."""
        return self.filter(Q(session=None) | Q(session__in=Session.objects.live()))
