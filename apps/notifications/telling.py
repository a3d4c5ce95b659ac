"""From what has happened to what people are told of it.

Each function makes the notifications of one cause agree with its row as it is now: there, or gone. It locks that row
first, so that of a deed and its undoing the later one decides, in whatever order their tasks run, and however often.
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
from apps.engagement.models import Comment, CommentLike, CommentMention, Like
from apps.moderation.appeals.statements import compose
from apps.moderation.models import ModerationAction
from apps.notifications import deliveries, preferences
from apps.notifications.models import Act, Notification, Type
from apps.social.blocks import is_hidden
from apps.social.models import Follow, FollowRequest, Mute

FOLDED = {Type.LIKE, Type.FOLLOW}
M = TypeVar("M", bound=Model)


# ── Of likes ─────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def of_like(post_id: UUID, actor_id: UUID) -> None:
    like = _locked(Like.objects.filter(post=post_id, user=actor_id).select_related("post"))
    if like is None:
        _withdraw(Act.objects.filter(notification__type=Type.LIKE, notification__post=post_id, actor=actor_id))
    elif Post.objects.published().contains(like.post):
        _tell(like.post.author_id, Type.LIKE, actor_id, cause=like.pk, post_id=post_id)


@transaction.atomic
def of_comment_like(comment_id: UUID, actor_id: UUID) -> None:
    like = _locked(CommentLike.objects.filter(comment=comment_id, user=actor_id).select_related("comment"))
    if like is None:
        theirs = Act.objects.filter(notification__type=Type.COMMENT_LIKE, notification__comment=comment_id)
        _withdraw(theirs.filter(actor=actor_id))
    elif (author_id := like.comment.author_id) is not None:
        of = {"post_id": like.comment.post_id, "comment_id": comment_id}
        _tell(author_id, Type.COMMENT_LIKE, actor_id, cause=like.pk, **of)


# ── Of follows ───────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def of_follow(follower_id: UUID, followed_id: UUID, *, accepted: bool) -> None:
    """`accepted`: it is the follower who is told, since their request was accepted."""
    follow = _locked(Follow.objects.filter(follower=follower_id, followed=followed_id))
    if follow is None:
        _withdraw(_acts(Type.FOLLOW, to=followed_id, by=follower_id))
        _withdraw(_acts(Type.FOLLOW_ACCEPTED, to=follower_id, by=followed_id))
    elif accepted:
        _withdraw(_acts(Type.FOLLOW_REQUEST, to=followed_id, by=follower_id))
        _tell(follower_id, Type.FOLLOW_ACCEPTED, followed_id, cause=follow.pk)
    else:
        _tell(followed_id, Type.FOLLOW, follower_id, cause=follow.pk)


@transaction.atomic
def of_follow_request(requester_id: UUID, target_id: UUID) -> None:
    request = _locked(FollowRequest.objects.filter(requester=requester_id, target=target_id))
    if request is None:
        _withdraw(_acts(Type.FOLLOW_REQUEST, to=target_id, by=requester_id))
    else:
        _tell(target_id, Type.FOLLOW_REQUEST, requester_id, cause=request.pk)


# ── Of words ─────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def of_mentions(post_id: UUID) -> None:
    """Whom a caption mentions is told once it is published, if they may see it; whom it mentions no more is not."""
    post = _locked(Post.objects.published().filter(pk=post_id))
    if post is None:
        return
    mentioned = set(Mention.objects.filter(post=post).values_list("user", flat=True))
    told = Act.objects.filter(notification__type=Type.MENTION, notification__post=post_id, cause=post_id)
    _withdraw(told.exclude(recipient__in=mentioned))
    for person_id in sorted(mentioned):
        _tell(person_id, Type.MENTION, post.author_id, cause=post_id, post_id=post_id)


@transaction.atomic
def of_comment(comment_id: UUID) -> None:
    """Each person is told once: as mentioned, or else as who is replied to, or else as the post's author."""
    comment = _locked(Comment.objects.filter(pk=comment_id).select_related("post"))
    if comment is None or comment.author_id is None:
        _withdraw(Act.objects.filter(notification__comment=comment_id))
        return
    if comment.taken_down_at:
        return
    told = {comment.post.author_id: Type.COMMENT}
    if comment.parent_id:
        replied_to = Comment.objects.filter(pk=comment.parent_id).values_list("author", flat=True).first()
        told |= {replied_to: Type.REPLY} if replied_to else {}
    mentioned = CommentMention.objects.filter(comment=comment).values_list("user", flat=True)
    told |= dict.fromkeys(mentioned, Type.MENTION)
    for person_id, type_ in sorted(told.items()):
        _tell(person_id, type_, comment.author_id, cause=comment.pk, post_id=comment.post_id, comment_id=comment.pk)


# ── Of blocks and of decisions ───────────────────────────────────────────────────────────────────────────
def of_block(blocker_id: UUID, blocked_id: UUID) -> None:
    """What either was told of the other goes, for good."""
    either_way = Q(recipient=blocker_id, actor=blocked_id) | Q(recipient=blocked_id, actor=blocker_id)
    _withdraw(Act.objects.filter(either_way))


@transaction.atomic
def of_moderation(action_id: UUID) -> None:
    """Whom a decision hits is told, with its statement of reasons."""
    action = ModerationAction.objects.filter(pk=action_id).first()
    person = User.objects.filter(pk=action.affected_id).first() if action else None
    if action is None or person is None:
        return
    letter = compose(action)
    _put(
        Notification(
            recipient=person,
            type=Type.MODERATION,
            post=Post.objects.filter(pk=action.target_id).first(),
            comment=Comment.objects.filter(pk=action.target_id).first(),
            statement="\n\n".join([letter.subject, *letter.paragraphs]),
        ),
        None,
        action.pk,
    )


# ── How ──────────────────────────────────────────────────────────────────────────────────────────────────
def _locked(rows: QuerySet[M]) -> M | None:
    return rows.select_for_update(of=("self",), no_key=True).first()


def _acts(type_: str, *, to: UUID, by: UUID) -> QuerySet[Act]:
    return Act.objects.filter(notification__type=type_, recipient=to, actor=by)


def _tell(
    recipient_id: UUID,
    type_: str,
    actor_id: UUID,
    *,
    cause: UUID,
    post_id: UUID | None = None,
    comment_id: UUID | None = None,
) -> None:
    if _may_be_told(recipient_id, actor_id, post_id):
        told = Notification(recipient_id=recipient_id, type=type_, post_id=post_id, comment_id=comment_id)
        _put(told, actor_id, cause)


def _may_be_told(recipient_id: UUID, actor_id: UUID, post_id: UUID | None) -> bool:
    """Never of one's own acts, nor of people one has muted or with a block between, nor of a post one cannot see."""
    if recipient_id == actor_id or not User.objects.active().filter(pk=recipient_id).exists():
        return False
    if not User.objects.active().filter(pk=actor_id).exclude(is_hidden("id", recipient_id)).exists():
        return False
    if Mute.objects.filter(muter=recipient_id, muted=actor_id).exists():
        return False
    return post_id is None or Post.objects.visible_to(recipient_id).filter(pk=post_id).exists()


def _put(told: Notification, actor_id: UUID | None, cause: UUID) -> None:
    """Once for each cause, into the unread one of its kind if it folds; and by the channels that are wished."""
    _one_at_a_time(told.recipient_id)
    if Act.objects.filter(recipient=told.recipient_id, cause=cause).exists():
        return
    channels = preferences.of(told.recipient_id)[told.type]
    if not (channels.in_app or channels.push or channels.email):
        return
    told.in_app = channels.in_app
    act = Act.objects.create(
        notification=_folded_into(told), recipient_id=told.recipient_id, actor_id=actor_id, cause=cause
    )
    deliveries.plan(act, channels)


def _one_at_a_time(recipient_id: UUID) -> None:
    """Two causes at once fold into one. A lock of our own: the account's row is locked by verbs that then lock the very
    rows that are locked here before."""
    transaction_lock(f"notifications:{recipient_id}")


def _folded_into(told: Notification) -> Notification:
    unread = (
        Notification.objects.owned_by(told.recipient_id)
        .unread()
        .filter(type=told.type, post=told.post_id, in_app=told.in_app)
    )
    there = unread.select_for_update().first() if told.type in FOLDED else None
    if there is None:
        told.save(force_insert=True)
        return told
    there.latest, there.updated_at = new_id(), timezone.now()
    there.save(update_fields=["latest", "updated_at"])
    return there


@transaction.atomic
def _withdraw(acts: QuerySet[Act]) -> None:
    """Together with the notifications that nobody is left in."""
    emptied = list(acts.values_list("notification", flat=True))
    acts.delete()
    Notification.objects.filter(pk__in=emptied, acts=None).delete()
