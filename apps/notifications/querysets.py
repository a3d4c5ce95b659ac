"""The read side of notifications. What one may see of them is asked again each time they are read."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.statements import Statement, select
from apps.engagement.models import Comment
from apps.social.blocks import among_blocked, between
from apps.social.models import Mute

if TYPE_CHECKING:
    from apps.notifications.models import Notification  # noqa: F401  (a forward reference)

ACTORS_SHOWN = 3
# Beyond, nobody cares how many there are: all likes of a post are one notification, until it is read.
ACTORS_CAP = UNREAD_CAP = 1000
# What a card shows of the notification's own row.
CARD = ("id", "latest", "type", "post_id", "comment_id", "read_at", "created_at", "updated_at", "statement")


class NotificationQuerySet(QuerySet["Notification"]):
    def owned_by(self, user_id: UUID) -> "NotificationQuerySet":
        return self.filter(recipient=user_id)

    def unread(self) -> "NotificationQuerySet":
        return self.filter(read_at=None)

    def shown_to(self, user_id: UUID) -> "NotificationQuerySet":
        """As `readable_by`, of those that the recipient wants in the list."""
        return self.readable_by(user_id).in_the_list()

    def in_the_list(self) -> "NotificationQuerySet":
        return self.filter(in_app=True)

    def readable_by(self, user_id: UUID) -> "NotificationQuerySet":
        """The recipient's own, as far as there is still somebody and something to show: no actor who is blocked (either
        way), muted or not in good standing; no post or comment that does not stand or that they may not see.
        The statement of the cards (`api/cards.py`) asks for the same, in one pass with what it shows."""
        acts = visible_acts(user_id).filter(notification=OuterRef("pk"))
        posts = posts_told_of(user_id).filter(pk=OuterRef("post_id"))
        comments = comments_told_of(user_id).filter(pk=OuterRef("comment_id"))
        about = (Q(post=None) | Exists(posts)) & (Q(comment=None) | Exists(comments))
        return self.owned_by(user_id).filter(Q(type="moderation") | (Exists(acts) & about))

    def for_cards(self) -> "QuerySet[Any, Any]":
        """As tuples in the order of `CARD`."""
        shown: QuerySet[Any, Any] = self.values_list(*CARD)
        return shown


def posts_told_of(user_id: UUID) -> QuerySet[Any]:
    return Post.objects.visible_to(user_id).published()


def comments_told_of(user_id: UUID) -> QuerySet[Any]:
    return Comment.objects.visible_to(user_id)


def visible_acts(user_id: UUID, *, gathered: bool = False) -> QuerySet[Any]:
    """Who has done something, among people whom the recipient may be told of: of somebody in good standing, whom they
    have not muted, and no block between. `gathered`: whoever they may not be told of is gathered first, for a statement
    that looks at each act in any case."""
    acts: QuerySet[Any] = apps.get_model("notifications", "Act")._default_manager.filter(actor__isnull=False)
    # Few have gone, and an index has just these: to look up each who acts would be half of what a page costs.
    acts = acts.exclude(Exists(User.objects.gone().filter(pk=OuterRef("actor_id"))))
    muted = Mute.objects.filter(muter=user_id)
    if gathered:
        return acts.exclude(among_blocked("actor_id", user_id)).exclude(actor__in=muted.values("muted"))
    return acts.exclude(between("actor_id", user_id)).exclude(Exists(muted.filter(muted=OuterRef("actor_id"))))


_UNREAD = Statement(
    lambda viewer: (
        apps.get_model("notifications", "Notification")._default_manager.shown_to(viewer).unread().values("pk")
    ),
    "viewer",
)


def unread_count(user_id: UUID) -> int:
    """How many unread notifications the list shows, counted up to UNREAD_CAP."""
    sql = f"SELECT count(*) FROM ({_UNREAD.sql} LIMIT {UNREAD_CAP}) AS unread"  # noqa: S608  (of constants)
    [(number,)] = select(sql, viewer=user_id)
    return int(number)
