"""Follow, request, accept, block, mute.

Every function locks both accounts first, the smaller id first, and then reads the relationship in a statement of its
own. So follows, requests, blocks, limits and changes of privacy are decided one after the other: there is no follow or
request across a block, no request to a public account, and no count above a limit.

The functions take the other account as an id or a handle, and return the relationship of `by` to it after the change.
All raise NotFound for an account that does not exist or is inactive, or that a block hides from `by`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.accounts.services import EmailNotConfirmed, must_confirm_email
from apps.core.db.compiled import CompiledQuery
from apps.core.errors import BadRequest, Conflict, NotFound
from apps.safety import newcomers
from apps.social.blocks import is_hidden
from apps.social.counters import FOLLOWERS, FOLLOWING
from apps.social.events import (
    blocked,
    follow_accepted,
    follow_requested,
    follow_withdrawn,
    followed,
    muted,
    unblocked,
    unfollowed,
    unmuted,
)
from apps.social.models import Block, Follow, FollowRequest, Mute
from apps.social.reads import RELATIONSHIP_FIELDS, Relationship
from apps.social.visibility import with_relationship


class CannotFollowSelf(BadRequest):
    code, title = "cannot_follow_self", _("You cannot follow yourself.")


class CannotTargetSelf(BadRequest):
    code, title = "cannot_target_self", _("You cannot do that to yourself.")


class FollowerLimitReached(Conflict):
    code, title = "follower_limit_reached", _("This account cannot have more followers.")


class FollowingLimitReached(Conflict):
    code, title = "following_limit_reached", _("You cannot follow more accounts.")


# ── Locks ────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class LockedAccount:
    id: UUID
    handle: str
    state: str
    is_private: bool
    follower_count: int
    following_count: int
    email_verified_at: datetime | None


@dataclass(frozen=True)
class LockedPair:
    """The acting account and the other one, both locked, and the relationship between them."""

    actor: LockedAccount
    other: LockedAccount
    relationship: Relationship
    is_hidden: bool

    def require_other(self, error: type[BadRequest] = CannotTargetSelf) -> None:
        if self.actor.id == self.other.id:
            raise error

    def require_visible(self) -> None:
        if self.is_hidden:
            raise NotFound


def _for_update(users: QuerySet[User]) -> QuerySet[User, Any]:
    fields = ("id", "handle", "state", "is_private", "follower_count", "following_count", "email_verified_at")
    return users.order_by("pk").select_for_update(no_key=True).values_list(*fields)


ACCOUNTS_FOR_UPDATE = CompiledQuery(
    lambda actor, person, handle: _for_update(
        User.objects.filter(Q(pk=actor) | (Q(pk=person) if person else Q(handle=handle)))
    )
)
RELATIONSHIP = CompiledQuery(
    lambda viewer, person: (
        with_relationship(User.objects.filter(pk=person), "pk", viewer)
        .annotate(hidden=is_hidden("pk", viewer))
        .values_list("hidden", "pk", *RELATIONSHIP_FIELDS)
    )
)


def _lock_pair(person: UUID | str, *, by: UUID) -> LockedPair:
    """Lock both accounts. Raises NotFound if the other one does not exist or is inactive.

    Whether a block hides them from each other is read in a second statement: a statement that has waited for a lock
    does not see what was committed meanwhile.
    """
    by_id, by_handle = (person, None) if isinstance(person, UUID) else (None, person)
    accounts = [LockedAccount(*row) for row in ACCOUNTS_FOR_UPDATE.rows(actor=by, person=by_id, handle=by_handle)]
    actor = next((account for account in accounts if account.id == by), None)
    other = next((account for account in accounts if person in (account.id, account.handle)), None)
    if actor is None or other is None or other.state != User.State.ACTIVE:
        raise NotFound
    [(hidden, *relationship)] = RELATIONSHIP.rows(viewer=by, person=other.id)
    return LockedPair(actor, other, Relationship(*relationship), hidden)


def _lock_visible_pair(person: UUID | str, *, by: UUID) -> LockedPair:
    """As `_lock_pair`. Raises NotFound also if a block hides the accounts from each other."""
    pair = _lock_pair(person, by=by)
    pair.require_visible()
    return pair


def _lock_accounts(user_ids: Iterable[UUID]) -> dict[UUID, LockedAccount]:
    return {row[0]: LockedAccount(*row) for row in _for_update(User.objects.filter(pk__in=user_ids))}


# ── Follows ──────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def follow(person: UUID | str, *, by: UUID) -> Relationship:
    """Follow an account, or request to follow a private one. Idempotent.

    Raises CannotFollowSelf, NotFound, EmailNotConfirmed, FollowerLimitReached, FollowingLimitReached,
    NewAccountLimitReached.
    """
    pair = _lock_visible_pair(person, by=by)
    pair.require_other(CannotFollowSelf)
    if pair.relationship.following:
        return pair.relationship
    if must_confirm_email(pair.actor) and not pair.relationship.requested:
        _limit_unconfirmed(pair.actor)
    limit = _limit_reached(pair.actor, pair.other)
    if pair.other.is_private:
        # An account with too many followers may still be asked: it gets the error when it accepts.
        if limit is FollowingLimitReached:
            raise limit
        _request(by, pair.other.id)
        return replace(pair.relationship, requested=True)
    if limit:
        raise limit
    if _create_follow(by, pair.other.id):
        newcomers.spend("follow", by)
        followed.publish(follower_id=str(by), followed_id=str(pair.other.id))
    return replace(pair.relationship, following=True, requested=False)


@transaction.atomic
def unfollow(person: UUID | str, *, by: UUID) -> Relationship:
    """Stop following an account, or withdraw the request. Idempotent. Raises CannotTargetSelf, NotFound."""
    pair = _lock_visible_pair(person, by=by)
    pair.require_other()
    if pair.relationship.following:
        _delete_follow(by, pair.other.id)
    if pair.relationship.requested:
        _withdraw_request(by, pair.other.id)
    return replace(pair.relationship, following=False, requested=False)


@transaction.atomic
def remove_follower(person: UUID | str, *, by: UUID) -> Relationship:
    """End the other account's follow. A follow request stays. Raises CannotTargetSelf, NotFound."""
    pair = _lock_visible_pair(person, by=by)
    pair.require_other()
    if pair.relationship.followed_by:
        _delete_follow(pair.other.id, by)
    return replace(pair.relationship, followed_by=False)


def _create_follow(follower_id: UUID, followed_id: UUID) -> bool:
    """Returns whether the follow is new. The limits must have been checked."""
    created = Follow.objects.insert_or_ignore(follower_id=follower_id, followed_id=followed_id)
    if created:
        FOLLOWERS.increment(followed_id)
        FOLLOWING.increment(follower_id)
    return created


def _delete_follow(follower_id: UUID, followed_id: UUID) -> None:
    if Follow.objects.filter(follower=follower_id, followed=followed_id).delete()[0]:
        FOLLOWERS.decrement(followed_id)
        FOLLOWING.decrement(follower_id)
        unfollowed.publish(follower_id=str(follower_id), followed_id=str(followed_id))


def _limit_unconfirmed(actor: LockedAccount) -> None:
    """Raises EmailNotConfirmed if the account follows, or has asked to follow, UNCONFIRMED_FOLLOWS accounts."""
    asked = FollowRequest.objects.filter(requester=actor.id).count()
    if actor.following_count + asked >= settings.UNCONFIRMED_FOLLOWS:
        raise EmailNotConfirmed


def _limit_reached(follower: LockedAccount, person: LockedAccount) -> type[Conflict] | None:
    if follower.following_count >= settings.FOLLOWING_LIMIT:
        return FollowingLimitReached
    if person.follower_count >= settings.FOLLOWER_LIMIT:
        return FollowerLimitReached
    return None


# ── Follow requests ──────────────────────────────────────────────────────────────────────────────────────
def _request(requester_id: UUID, target_id: UUID) -> None:
    if FollowRequest.objects.insert_or_ignore(requester_id=requester_id, target_id=target_id):
        newcomers.spend("follow", requester_id)
        follow_requested.publish(requester_id=str(requester_id), target_id=str(target_id))


def _withdraw_request(requester_id: UUID, target_id: UUID) -> bool:
    """Returns whether there was a request."""
    deleted, _ = FollowRequest.objects.filter(requester=requester_id, target=target_id).delete()
    if deleted:
        follow_withdrawn.publish(requester_id=str(requester_id), target_id=str(target_id))
    return bool(deleted)


def _accept(requester_id: UUID, target_id: UUID) -> None:
    if _create_follow(requester_id, target_id):
        follow_accepted.publish(requester_id=str(requester_id), target_id=str(target_id))


@transaction.atomic
def accept_request(requester: UUID | str, *, by: UUID) -> Relationship:
    """Accept a follow request.

    Raises NotFound if there is no such request, FollowerLimitReached, FollowingLimitReached.
    """
    pair = _lock_visible_pair(requester, by=by)
    if not FollowRequest.objects.filter(requester=pair.other.id, target=by).delete()[0]:
        raise NotFound
    if limit := _limit_reached(pair.other, pair.actor):
        raise limit
    _accept(pair.other.id, by)
    return replace(pair.relationship, followed_by=True)


@transaction.atomic
def reject_request(requester: UUID | str, *, by: UUID) -> Relationship:
    """Delete a follow request without notifying the requester. Raises NotFound if there is no such request."""
    pair = _lock_visible_pair(requester, by=by)
    if not _withdraw_request(pair.other.id, by):
        raise NotFound
    return pair.relationship


@transaction.atomic
def accept_every_request(user_id: UUID) -> None:
    """The account has become public: accept its follow requests as far as the limits allow, and delete the others."""
    requester_ids = FollowRequest.objects.filter(target=user_id).values_list("requester", flat=True)
    accounts = _lock_accounts([user_id, *requester_ids])
    target = accounts[user_id]
    for request in FollowRequest.objects.filter(target=user_id).order_by("id"):
        requester = accounts.get(request.requester_id)
        request.delete()
        is_active = requester is not None and requester.state == User.State.ACTIVE
        if requester and is_active and _limit_reached(requester, target) is None:
            _accept(requester.id, user_id)
            target = replace(target, follower_count=target.follower_count + 1)


# ── Blocks and mutes ─────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def block(person: UUID | str, *, by: UUID) -> Relationship:
    """Block an account: hide each from the other, end follows and requests both ways. Idempotent.

    Raises CannotTargetSelf, NotFound.
    """
    pair = _lock_blockable_pair(person, by=by)
    pair.require_other()
    other_id = pair.other.id
    created = Block.objects.insert_or_ignore(blocker_id=by, blocked_id=other_id)
    if pair.relationship.following:
        _delete_follow(by, other_id)
    if pair.relationship.followed_by:
        _delete_follow(other_id, by)
    if pair.relationship.requested:
        _withdraw_request(by, other_id)
    _withdraw_request(other_id, by)
    if created:
        blocked.publish(blocker_id=str(by), blocked_id=str(other_id))
    return replace(pair.relationship, following=False, requested=False, followed_by=False, blocking=True)


@transaction.atomic
def unblock(person: UUID | str, *, by: UUID) -> Relationship:
    """Remove a block. Follows that it ended are not restored. Idempotent. Raises NotFound."""
    pair = _lock_blockable_pair(person, by=by)
    if Block.objects.filter(blocker=by, blocked=pair.other.id).delete()[0]:
        unblocked.publish(blocker_id=str(by), blocked_id=str(pair.other.id))
    return replace(pair.relationship, blocking=False)


def _lock_blockable_pair(person: UUID | str, *, by: UUID) -> LockedPair:
    """As `_lock_visible_pair`, but an account that `by` blocks can be blocked again and unblocked."""
    pair = _lock_pair(person, by=by)
    if not pair.relationship.blocking:
        pair.require_visible()
    return pair


@transaction.atomic
def mute(person: UUID | str, *, by: UUID) -> Relationship:
    """Hide an account from the feed and the notifications of `by`, without notifying it. Idempotent.

    Raises CannotTargetSelf, NotFound.
    """
    pair = _lock_visible_pair(person, by=by)
    pair.require_other()
    if Mute.objects.insert_or_ignore(muter_id=by, muted_id=pair.other.id):
        muted.publish(muter_id=str(by), muted_id=str(pair.other.id))
    return replace(pair.relationship, muting=True)


@transaction.atomic
def unmute(person: UUID | str, *, by: UUID) -> Relationship:
    """Remove a mute. Idempotent. Raises NotFound."""
    pair = _lock_visible_pair(person, by=by)
    if Mute.objects.filter(muter=by, muted=pair.other.id).delete()[0]:
        unmuted.publish(muter_id=str(by), muted_id=str(pair.other.id))
    return replace(pair.relationship, muting=False)
