"""Who may see whom, and the lists of follows, requests, blocks and mutes."""

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import BooleanField, Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest

from apps.accounts.models import User
from apps.accounts.querysets import UserQuerySet
from apps.social.blocks import is_hidden
from apps.social.models import Block, Follow, FollowRequest, Hidden, Mute

T = TypeVar("T", Follow, FollowRequest, Block, Mute)


def visible_users(viewer_id: UUID | None) -> UserQuerySet:
    """Active accounts that no block hides from the viewer."""
    users: UserQuerySet = User.objects.active()
    return users.exclude(is_hidden("id", viewer_id)) if viewer_id else users


def readable_users(viewer_id: UUID | None, *, is_moderator: bool) -> UserQuerySet:
    """Accounts whose profile the viewer may read by its id or handle: a moderator may read every profile that is not
    erased."""
    users: UserQuerySet = User.objects.not_erased() if is_moderator else visible_users(viewer_id)
    return users


def visible_among_many(viewer_id: UUID | None) -> UserQuerySet:
    """The same accounts as `visible_users`, for a statement that reads many of them.

    The accounts that are hidden from the viewer are read once, instead of one lookup for each account.
    """
    users: UserQuerySet = User.objects.active()
    return users.exclude(pk__in=Hidden.objects.filter(viewer=viewer_id).values("person")) if viewer_id else users


def with_relationship(rows: QuerySet[Any, Any], user: str, viewer_id: UUID) -> QuerySet[Any, Any]:
    """Annotate each row with the viewer's relationship to the account in the column `user`."""
    other = OuterRef(user)
    annotated: QuerySet[Any, Any] = rows.annotate(
        following=_lookup(Follow.objects.filter(follower=viewer_id, followed=other)),
        requested=_lookup(FollowRequest.objects.filter(requester=viewer_id, target=other)),
        followed_by=_lookup(Follow.objects.filter(follower=other, followed=viewer_id)),
        blocking=_lookup(Block.objects.filter(blocker=viewer_id, blocked=other)),
        muting=_lookup(Mute.objects.filter(muter=viewer_id, muted=other)),
    )
    return annotated


def with_shown_counts(users: UserQuerySet, viewer_id: UUID) -> UserQuerySet:
    """Annotate `shown_followers` and `shown_following`: the counts without accounts that a block hides from the viewer,
    like the lists."""
    hidden = Hidden.objects.filter(viewer=viewer_id).values("person")
    followers = Follow.objects.filter(followed=OuterRef("pk"), follower__in=hidden)
    following = Follow.objects.filter(follower=OuterRef("pk"), followed__in=hidden)
    annotated: UserQuerySet = users.annotate(
        shown_followers=Greatest(F("follower_count") - _count(followers, "followed"), 0),
        shown_following=Greatest(F("following_count") - _count(following, "follower"), 0),
    )
    return annotated


def _count(rows: QuerySet[Follow], group: str) -> Coalesce:
    """SQL expression: the number of the rows, which all have the same `group`."""
    return Coalesce(Subquery(rows.order_by().values(group).annotate(number=Count("pk")).values("number")), 0)


def _lookup(rows: QuerySet[Any, Any]) -> Coalesce:
    """SQL expression: is there such a row?

    This is a scalar subquery instead of EXISTS, for which PostgreSQL may read all followers of the viewer at once.
    """
    found = Subquery(rows.values(found=Value(True))[:1], output_field=BooleanField())
    return Coalesce(found, Value(False))


# ── Lists. Each shows active accounts that no block hides from the viewer ────────────────────────────────
def followers_of(user_id: UUID, *, viewer_id: UUID | None) -> QuerySet[Follow]:
    return _visible(Follow.objects.filter(followed=user_id), "follower", viewer_id)


def followed_by(user_id: UUID, *, viewer_id: UUID | None) -> QuerySet[Follow]:
    return _visible(Follow.objects.filter(follower=user_id), "followed", viewer_id)


def requests_to(user_id: UUID) -> QuerySet[FollowRequest]:
    return _visible(FollowRequest.objects.filter(target=user_id), "requester", user_id)


def requests_by(user_id: UUID) -> QuerySet[FollowRequest]:
    return _visible(FollowRequest.objects.filter(requester=user_id), "target", user_id)


def muted_by(user_id: UUID) -> QuerySet[Mute]:
    return _visible(Mute.objects.filter(muter=user_id), "muted", user_id)


def blocked_by(user_id: UUID) -> QuerySet[Block]:
    """The accounts in this list are hidden from the user by the block itself."""
    return _active(Block.objects.filter(blocker=user_id), "blocked")


def _active(rows: QuerySet[T], user: str) -> QuerySet[T]:
    return rows.select_related(f"{user}__avatar").filter(**{f"{user}__state": User.State.ACTIVE})


def _visible(rows: QuerySet[T], user: str, viewer_id: UUID | None) -> QuerySet[T]:
    rows = _active(rows, user)
    return rows.filter(Q(**{user: viewer_id}) | ~is_hidden(f"{user}_id", viewer_id)) if viewer_id else rows
