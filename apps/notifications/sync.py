"""Creates and removes notifications, so that they agree with the rows that caused them.

Each `sync_*` function locks and reads the row of a cause (a like, a follow, a comment, ...): if the row exists, it
notifies the recipient, otherwise it removes the notification. So the functions may run several times and in any order,
and the last state of the row decides.
"""

from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.content.models import Mention, Post
from apps.core.db.ids import new_id
from apps.core.db.locks import transaction_lock
from apps.core.languages import use_language
from apps.core.time_zones import show_dates_in
from apps.engagement.models import Comment, CommentLike, CommentMention, Like
from apps.moderation import reporters
from apps.moderation.appeals.statements import compose
from apps.moderation.models import ModerationAction
from apps.notifications import deliveries, preferences
from apps.notifications.models import Notification, NotificationEvent, Type
from apps.social.blocks import is_hidden
from apps.social.models import Follow, FollowRequest, Mute

# While such a notification is unread, further events are added to it.
FOLDED = {Type.LIKE, Type.FOLLOW}
M = TypeVar("M", bound=Model)


# ── Likes ────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def sync_like_notification(post_id: UUID, actor_id: UUID) -> None:
    """Notify the author of the post that the actor likes it, or no longer does."""
    like = _lock(Like.objects.filter(post=post_id, user=actor_id).select_related("post"))
    if like is None:
        likes = NotificationEvent.objects.filter(notification__type=Type.LIKE, notification__post=post_id)
        _remove(likes.filter(actor=actor_id))
    elif Post.objects.published().contains(like.post):
        _notify(like.post.author_id, Type.LIKE, actor_id, cause=like.pk, post_id=post_id)


@transaction.atomic
def sync_comment_like_notification(comment_id: UUID, actor_id: UUID) -> None:
    """Notify the author of the comment that the actor likes it, or no longer does."""
    like = _lock(CommentLike.objects.filter(comment=comment_id, user=actor_id).select_related("comment"))
    if like is None:
        likes = NotificationEvent.objects.filter(notification__type=Type.COMMENT_LIKE, notification__comment=comment_id)
        _remove(likes.filter(actor=actor_id))
    elif (author_id := like.comment.author_id) is not None:
        post_id = like.comment.post_id
        _notify(author_id, Type.COMMENT_LIKE, actor_id, cause=like.pk, post_id=post_id, comment_id=comment_id)


# ── Follows ──────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def sync_follow_notification(follower_id: UUID, followed_id: UUID, *, accepted: bool) -> None:
    """Notify the followed account of a follower or, if a request was `accepted`, the follower of the acceptance."""
    follow = _lock(Follow.objects.filter(follower=follower_id, followed=followed_id))
    if follow is None:
        _remove(_events(Type.FOLLOW, recipient=followed_id, actor=follower_id))
        _remove(_events(Type.FOLLOW_ACCEPTED, recipient=follower_id, actor=followed_id))
    elif accepted:
        _remove(_events(Type.FOLLOW_REQUEST, recipient=followed_id, actor=follower_id))
        _notify(follower_id, Type.FOLLOW_ACCEPTED, followed_id, cause=follow.pk)
    else:
        _notify(followed_id, Type.FOLLOW, follower_id, cause=follow.pk)


@transaction.atomic
def sync_follow_request_notification(requester_id: UUID, target_id: UUID) -> None:
    request = _lock(FollowRequest.objects.filter(requester=requester_id, target=target_id))
    if request is None:
        _remove(_events(Type.FOLLOW_REQUEST, recipient=target_id, actor=requester_id))
    else:
        _notify(target_id, Type.FOLLOW_REQUEST, requester_id, cause=request.pk)


# ── Comments and mentions ────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def sync_mention_notifications(post_id: UUID) -> None:
    """Notify the users that the caption of a published post mentions and that may see it.

    Notifications of users that the caption no longer mentions are removed.
    """
    post = _lock(Post.objects.published().filter(pk=post_id))
    if post is None:
        return
    mentioned = set(Mention.objects.filter(post=post).values_list("user", flat=True))
    events = NotificationEvent.objects.filter(
        notification__type=Type.MENTION, notification__post=post_id, cause=post_id
    )
    _remove(events.exclude(recipient__in=mentioned))
    for user_id in sorted(mentioned):
        _notify(user_id, Type.MENTION, post.author_id, cause=post_id, post_id=post_id)


@transaction.atomic
def sync_comment_notifications(comment_id: UUID) -> None:
    """Notify the mentioned users, the author of the parent comment and the author of the post, each of them once."""
    comment = _lock(Comment.objects.filter(pk=comment_id).select_related("post"))
    if comment is None or comment.author_id is None:
        _remove(NotificationEvent.objects.filter(notification__comment=comment_id))
        return
    if comment.taken_down_at:
        return
    for user_id, type_ in sorted(_recipients(comment).items()):
        _notify(user_id, type_, comment.author_id, cause=comment.pk, post_id=comment.post_id, comment_id=comment.pk)


def _recipients(comment: Comment) -> dict[UUID, Type]:
    """{user: type of the notification}. A mention takes precedence over a reply, and a reply over a comment."""
    recipients = {comment.post.author_id: Type.COMMENT}
    if comment.parent_id:
        replied_to = Comment.objects.filter(pk=comment.parent_id).values_list("author", flat=True).first()
        recipients |= {replied_to: Type.REPLY} if replied_to else {}
    mentioned = CommentMention.objects.filter(comment=comment).values_list("user", flat=True)
    return recipients | dict.fromkeys(mentioned, Type.MENTION)


# ── Blocks and moderation ────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def remove_notifications_between(user_id: UUID, other_id: UUID) -> None:
    """Remove the notifications that each of the two users caused for the other. Unblocking does not restore them."""
    either_way = Q(recipient=user_id, actor=other_id) | Q(recipient=other_id, actor=user_id)
    _remove(NotificationEvent.objects.filter(either_way))


@transaction.atomic
def create_moderation_notification(action_id: UUID) -> None:
    """Send the statement of reasons of a moderation action to the affected user."""
    action = ModerationAction.objects.filter(pk=action_id).first()
    user = User.objects.filter(pk=action.affected_id).first() if action else None
    if action is None or user is None:
        return
    with use_language(user.locale), show_dates_in(user.time_zone):
        letter = compose(action)
    notification = Notification(
        recipient=user,
        type=Type.MODERATION,
        post=Post.objects.filter(pk=action.target_id).first(),
        comment=Comment.objects.filter(pk=action.target_id).first(),
        statement="\n\n".join([letter.subject, *letter.paragraphs]),
    )
    _create_or_fold(notification, actor_id=None, cause=action.pk)


@transaction.atomic
def create_report_notification(cause: UUID) -> None:
    """Notify the reporter, in their language, that a report was received or decided (`reporters.find_report_ids`).

    The notification names no post or comment, which would hide it from a reporter who no longer sees them.
    """
    report = reporters.find_report(cause)
    if report is None or report.reporter is None:
        return
    with use_language(report.reporter.locale), show_dates_in(report.reporter.time_zone):
        letter = reporters.compose(report, cause)
    notification = Notification(
        recipient=report.reporter, type=Type.REPORT, statement="\n\n".join([letter.subject, *letter.paragraphs])
    )
    _create_or_fold(notification, actor_id=None, cause=cause)


# ── Shared steps ─────────────────────────────────────────────────────────────────────────────────────────
def _lock(rows: QuerySet[M]) -> M | None:
    return rows.select_for_update(of=("self",), no_key=True).first()


def _events(type_: str, *, recipient: UUID, actor: UUID) -> QuerySet[NotificationEvent]:
    return NotificationEvent.objects.filter(notification__type=type_, recipient=recipient, actor=actor)


def _notify(
    recipient_id: UUID,
    type_: str,
    actor_id: UUID,
    *,
    cause: UUID,
    post_id: UUID | None = None,
    comment_id: UUID | None = None,
) -> None:
    if _can_notify(recipient_id, actor_id, post_id):
        notification = Notification(recipient_id=recipient_id, type=type_, post_id=post_id, comment_id=comment_id)
        _create_or_fold(notification, actor_id=actor_id, cause=cause)


def _can_notify(recipient_id: UUID, actor_id: UUID, post_id: UUID | None) -> bool:
    """Whether both accounts are active, neither blocks the other, the recipient has not muted the actor and may see the
    post. Users are not notified of their own actions."""
    if recipient_id == actor_id or not User.objects.active().filter(pk=recipient_id).exists():
        return False
    if not User.objects.active().filter(pk=actor_id).exclude(is_hidden("id", recipient_id)).exists():
        return False
    if Mute.objects.filter(muter=recipient_id, muted=actor_id).exists():
        return False
    return post_id is None or Post.objects.visible_to(recipient_id).filter(pk=post_id).exists()


def _create_or_fold(notification: Notification, *, actor_id: UUID | None, cause: UUID) -> None:
    """Record the event once per cause, in the unread notification of its kind or a new one, and plan its deliveries."""
    recipient_id = notification.recipient_id
    # Two events at the same time fold into one notification. An advisory lock, because locking the recipient's account
    # could deadlock: other transactions lock it before the rows that are already locked here.
    transaction_lock(f"notifications:{recipient_id}")
    if NotificationEvent.objects.filter(recipient=recipient_id, cause=cause).exists():
        return
    channels = preferences.get_channels(recipient_id)[notification.type]
    if not (channels.in_app or channels.push or channels.email):
        return
    notification.in_app = channels.in_app
    event = NotificationEvent.objects.create(
        notification=_fold(notification) or _create(notification),
        recipient_id=recipient_id,
        actor_id=actor_id,
        cause=cause,
    )
    deliveries.plan(event, channels)


def _fold(notification: Notification) -> Notification | None:
    """The unread notification of the same kind, moved to the top of the list. None if there is none."""
    if notification.type not in FOLDED:
        return None
    unread = Notification.objects.owned_by(notification.recipient_id).unread()
    same_kind = unread.filter(type=notification.type, post=notification.post_id, in_app=notification.in_app)
    existing = same_kind.select_for_update().first()
    if existing:
        existing.latest, existing.updated_at = new_id(), timezone.now()
        existing.save(update_fields=["latest", "updated_at"])
    return existing


def _create(notification: Notification) -> Notification:
    notification.save(force_insert=True)
    return notification


@transaction.atomic
def _remove(events: QuerySet[NotificationEvent]) -> None:
    """Remove the events, and the notifications that are left without any."""
    notification_ids = list(events.values_list("notification", flat=True))
    events.delete()
    Notification.objects.filter(pk__in=notification_ids, events=None).delete()
