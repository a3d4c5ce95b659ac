"""Follow, ask, accept, block, mute.

Every verb that ties or cuts two people first locks both their rows, the smaller id first, so that follows, requests,
blocks, caps and a change of privacy are decided one after the other: no follow or request across a block, no request
at a public account, no count beyond a cap.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.core.db.ids import new_id
from apps.core.db.statements import array_of, select
from apps.core.errors import BadRequest, Conflict, NotFound
from apps.core.events import DomainEvent
from apps.core.tasks import outbox
from apps.safety import newcomers
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
from apps.social.querysets import RELATIONSHIP, Relationship, relationships


class CannotFollowSelf(BadRequest):
    code, title = "cannot_follow_self", "You cannot follow yourself."


class CannotTargetSelf(BadRequest):
    code, title = "cannot_target_self", "You cannot do that to yourself."


class FollowerLimitReached(Conflict):
    code, title = "follower_limit_reached", "This account cannot have more followers."


class FollowingLimitReached(Conflict):
    code, title = "following_limit_reached", "You cannot follow more accounts."


class Party(NamedTuple):
    """One of the people, locked, with what is decided by: whether they stand, may be followed at once, have room."""

    id: UUID
    stands: bool
    is_private: bool
    follower_count: int
    following_count: int


_LOCK = """
SELECT id, state = 'active' AS stands, is_private, follower_count, following_count FROM accounts_user
WHERE id = ANY({people}) ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_THESE = _LOCK.format(people="%(people)s")
_GIVEN, _NAMED = "SELECT %(whom)s::uuid", "SELECT id FROM accounts_user WHERE handle = %(whom)s"


def _lock(*user_ids: UUID) -> dict[UUID, Party]:
    return {row[0]: Party(*row) for row in select(_LOCK_THESE, people=array_of(user_ids))}


def _lock_pair(actor_id: UUID, other_id: UUID) -> tuple[Party, Party]:
    """Raises NotFound when the other one has gone."""
    people = _lock(actor_id, other_id)
    actor, other = people.get(actor_id), people.get(other_id)
    if actor is None or other is None or not other.stands:
        raise NotFound
    return actor, other


def _id_of(whom: UUID | str) -> UUID:
    """Of an id or a handle. Raises NotFound."""
    if isinstance(whom, UUID):
        return whom
    for row in select(_NAMED, whom=whom):
        found: UUID = row[0]
        return found
    raise NotFound


def _standing_pair(actor_id: UUID, other_id: UUID) -> tuple[Party, Party]:
    """As `_lock_pair`; raises NotFound when a block lies between them, too."""
    actor, other = _lock_pair(actor_id, other_id)
    _require_no_block(actor_id, other_id)
    return actor, other


def _require_no_block(one: UUID, other: UUID) -> None:
    """Raises NotFound."""
    [(blocked_now,)] = select("SELECT social_blocked_now(%(one)s, %(other)s)", one=one, other=other)
    if blocked_now:
        raise NotFound


# Both people are locked before it is asked for a block between them. What a lock has waited for is seen only by a
# statement that begins afterwards, and `social_blocked_now` is one, also within another (migration 0002).
_GONE = f"""gone AS (
    DELETE FROM social_follow WHERE follower_id = %(viewer)s AND followed_id = {{whom}}
    RETURNING follower_id, followed_id
), followers AS ({FOLLOWERS.moving("gone", -1)}), following AS ({FOLLOWING.moving("gone", -1)})"""  # noqa: S608
_UNTIE = f"WITH {_GONE.format(whom='%(person)s')} SELECT EXISTS (SELECT 1 FROM gone)"  # noqa: S608  (of constants)
_UNFOLLOW = f"""
WITH {_GONE.format(whom="%(person)s")}, withdrawn AS (
    DELETE FROM social_followrequest WHERE requester_id = %(viewer)s AND target_id = %(person)s RETURNING 1
)
SELECT EXISTS (SELECT 1 FROM gone), EXISTS (SELECT 1 FROM withdrawn), social_blocked_now(%(viewer)s, %(person)s),
    {RELATIONSHIP}
FROM (SELECT %(person)s::uuid) AS person (id)
"""  # noqa: S608  (of constants)
# The usual cases in one statement, which is a transaction by itself. Where the case is another, nobody is `free`, and
# nothing is done. `{meant}`: SQL for the id of whom it is about.
_USUALLY = f"""
WITH meant (id) AS MATERIALIZED ({{{{meant}}}}), people AS MATERIALIZED (
    {_LOCK.format(people="ARRAY[%(viewer)s::uuid, (SELECT id FROM meant)]")}
), free AS (
    SELECT person.id FROM people AS follower CROSS JOIN people AS person
    WHERE follower.id = %(viewer)s AND person.id = (SELECT id FROM meant) AND person.id <> follower.id
        AND person.stands AND {{usual}} AND NOT social_blocked_now(follower.id, person.id)
)"""  # noqa: S608  (of constants)
_OPEN = "NOT person.is_private AND person.follower_count < %(most)s AND follower.following_count < %(all)s"
_USUALLY_FOLLOW = f"""
{_USUALLY.format(usual=_OPEN)}, made AS (
    INSERT INTO social_follow (id, follower_id, followed_id) SELECT %(id)s::uuid, %(viewer)s, free.id FROM free
    ON CONFLICT (follower_id, followed_id) DO NOTHING RETURNING follower_id, followed_id
), followers AS ({FOLLOWERS.moving("made", 1)}), following AS ({FOLLOWING.moving("made", 1)}), told AS (
    {outbox.writing("tasks", given="made", meant="SELECT id FROM free")}
)
SELECT {RELATIONSHIP} FROM free AS person
"""  # noqa: S608  (of constants)
_ASKED = "SELECT 1 FROM social_followrequest WHERE requester_id = follower.id AND target_id = person.id"
_USUALLY_UNFOLLOW = f"""
{_USUALLY.format(usual=f"NOT EXISTS ({_ASKED})")},
{_GONE.format(whom="(SELECT id FROM free)")}, told AS (
    {outbox.writing("tasks", given="gone", meant="SELECT id FROM free")}
)
SELECT {RELATIONSHIP} FROM free AS person
"""  # noqa: S608  (of constants)


@lru_cache
def _about(meant: str, statement: str) -> str:
    return statement.format(meant=meant)


def _done_at_once(statement: str, fact: DomainEvent, by: UUID, whom: UUID | str, **values: Any) -> Relationship | None:
    """How `by` stood to the person; None where the case is not the usual one."""
    tasks = fact.held(follower_id=str(by), followed_id=outbox.MEANT)
    about = _about(_GIVEN if isinstance(whom, UUID) else _NAMED, statement)
    for stood in select(about, viewer=by, whom=whom, tasks=tasks, **values):
        return Relationship(*stood)
    return None


def follow(whom: UUID | str, *, by: UUID) -> Relationship:
    """`by` follows the person, or asks to, if the account is private. Following twice is following once. Returns how
    `by` stands to them now. `whom`: an id, or a handle.

    Raises CannotFollowSelf, NotFound (across a block, too), FollowerLimitReached, FollowingLimitReached,
    NewAccountLimitReached.
    """
    if not newcomers.is_counted("follow", by) and (stood := _usually_follow(whom, by=by)):
        return replace(stood, following=True, requested=False)
    person_id = _id_of(whom)
    if person_id == by:
        raise CannotFollowSelf
    return _follow(person_id, by=by)


def _usually_follow(whom: UUID | str, *, by: UUID) -> Relationship | None:
    """A public account with room, and no block. How `by` stood to the person; None in any other case."""
    room = {"most": settings.FOLLOWER_LIMIT, "all": settings.FOLLOWING_LIMIT}
    return _done_at_once(_USUALLY_FOLLOW, followed, by, whom, id=new_id(), **room)


@transaction.atomic
def _follow(person_id: UUID, *, by: UUID) -> Relationship:
    """Step by step."""
    follower, person = _lock_pair(by, person_id)
    full = _full(follower, person)
    if person.is_private or full:
        _follow_or_ask(follower, person, full)
        return relationships(by, [person.id])[person.id]
    stood = _usually_follow(person.id, by=by)
    if stood is None:
        # They are locked, the account is public and has room: only a block is left.
        raise NotFound
    if not stood.following:
        newcomers.spend("follow", by)
    return replace(stood, following=True, requested=False)


def _follow_or_ask(follower: Party, person: Party, full: type[Conflict] | None) -> None:
    """One question after the other: of a private account, or at a cap."""
    _require_no_block(follower.id, person.id)
    if Follow.objects.filter(follower=follower.id, followed=person.id).exists():
        return
    # A private account with too many followers may be asked: it is told when it accepts.
    if full and not (person.is_private and full is FollowerLimitReached):
        raise full
    _, new = FollowRequest.objects.get_or_create(requester_id=follower.id, target_id=person.id)
    if new:
        newcomers.spend("follow", follower.id)
        follow_requested.publish(requester_id=str(follower.id), target_id=str(person.id))


def _full(follower: Party, person: Party) -> type[Conflict] | None:
    """The cap that is reached, if one is."""
    if follower.following_count >= settings.FOLLOWING_LIMIT:
        return FollowingLimitReached
    if person.follower_count >= settings.FOLLOWER_LIMIT:
        return FollowerLimitReached
    return None


def _tie(follower_id: UUID, person_id: UUID) -> None:
    """Whether there is room is asked before."""
    Follow.objects.create(follower_id=follower_id, followed_id=person_id)
    FOLLOWERS.increment(person_id)
    FOLLOWING.increment(follower_id)
    follow_accepted.publish(requester_id=str(follower_id), target_id=str(person_id))


def _unfollow(follower_id: UUID, person_id: UUID) -> tuple[bool, Relationship]:
    """Neither follows nor asks to any more. Whether a block lies between them, and how the one stands to the other."""
    [(gone, withdrawn, cut, *stood)] = select(_UNFOLLOW, viewer=follower_id, person=person_id)
    if gone:
        unfollowed.publish(follower_id=str(follower_id), followed_id=str(person_id))
    if withdrawn:
        follow_withdrawn.publish(requester_id=str(follower_id), target_id=str(person_id))
    return cut, replace(Relationship(*stood), following=False, requested=False)


def _withdraw(requester_id: UUID, target_id: UUID) -> bool:
    gone, _ = FollowRequest.objects.filter(requester=requester_id, target=target_id).delete()
    if gone:
        follow_withdrawn.publish(requester_id=str(requester_id), target_id=str(target_id))
    return bool(gone)


def unfollow(whom: UUID | str, *, by: UUID) -> Relationship:
    """No longer follow, nor ask to. Returns how `by` stands to the person now. `whom`: an id, or a handle.

    Raises CannotTargetSelf, NotFound (across a block, too).
    """
    if stood := _done_at_once(_USUALLY_UNFOLLOW, unfollowed, by, whom):
        return replace(stood, following=False, requested=False)
    person_id = _id_of(whom)
    if person_id == by:
        raise CannotTargetSelf
    with transaction.atomic():
        _lock_pair(by, person_id)
        cut, stands = _unfollow(by, person_id)
        if cut:
            raise NotFound
    return stands


@transaction.atomic
def remove_follower(person_id: UUID, *, by: UUID) -> None:
    """A request of theirs stays."""
    if person_id == by:
        raise CannotTargetSelf
    _lock(by, person_id)
    [(gone,)] = select(_UNTIE, viewer=person_id, person=by)
    if gone:
        unfollowed.publish(follower_id=str(person_id), followed_id=str(by))


@transaction.atomic
def accept_request(requester_id: UUID, *, by: UUID) -> None:
    """Raises NotFound without such a request, and at a cap FollowerLimitReached or FollowingLimitReached."""
    person, requester = _standing_pair(by, requester_id)
    if not FollowRequest.objects.filter(requester=requester_id, target=by).delete()[0]:
        raise NotFound
    if full := _full(requester, person):
        raise full
    _tie(requester_id, by)


@transaction.atomic
def reject_request(requester_id: UUID, *, by: UUID) -> None:
    """Nobody is told. Raises NotFound without such a request."""
    _lock(by, requester_id)
    if not _withdraw(requester_id, by):
        raise NotFound


@transaction.atomic
def accept_every_request(person_id: UUID) -> None:
    """The account has become public: who asked follows, as far as the caps allow; the other requests end."""
    requester_ids = list(FollowRequest.objects.filter(target=person_id).values_list("requester", flat=True))
    people = _lock(person_id, *requester_ids)
    person = people[person_id]
    for request in FollowRequest.objects.filter(target=person_id).order_by("id"):
        requester = people.get(request.requester_id)
        request.delete()
        if requester and requester.stands and _full(requester, person) is None:
            _tie(requester.id, person_id)
            person = person._replace(follower_count=person.follower_count + 1)


@transaction.atomic
def block(person_id: UUID, *, by: UUID) -> None:
    """Ends follows and requests both ways; from now on neither sees the other. Raises CannotTargetSelf, NotFound."""
    if person_id == by:
        raise CannotTargetSelf
    if len(_lock(by, person_id)) < 2:
        raise NotFound
    _, new = Block.objects.get_or_create(blocker_id=by, blocked_id=person_id)
    _unfollow(by, person_id)
    _unfollow(person_id, by)
    if new:
        blocked.publish(blocker_id=str(by), blocked_id=str(person_id))


@transaction.atomic
def unblock(person_id: UUID, *, by: UUID) -> None:
    """Restores sight, not follows."""
    if Block.objects.filter(blocker=by, blocked=person_id).delete()[0]:
        unblocked.publish(blocker_id=str(by), blocked_id=str(person_id))


@transaction.atomic
def mute(person_id: UUID, *, by: UUID) -> None:
    """Out of feed and notifications; nobody is told. Raises CannotTargetSelf, NotFound."""
    if person_id == by:
        raise CannotTargetSelf
    _standing_pair(by, person_id)
    _, new = Mute.objects.get_or_create(muter_id=by, muted_id=person_id)
    if new:
        muted.publish(muter_id=str(by), muted_id=str(person_id))


@transaction.atomic
def unmute(person_id: UUID, *, by: UUID) -> None:
    if Mute.objects.filter(muter=by, muted=person_id).delete()[0]:
        unmuted.publish(muter_id=str(by), muted_id=str(person_id))
