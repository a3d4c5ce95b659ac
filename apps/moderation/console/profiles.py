"""The profile of a user or a post for moderators, each in a fixed number of bounded queries."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, IntegerField, QuerySet
from django.utils import timezone

from apps.accounts.devices import masked_address
from apps.accounts.models import Session, User
from apps.content.models import Post, PostMedia
from apps.core.db.ids import first_id_at
from apps.core.db.queries import fetch_rows, load
from apps.core.errors import NotFound
from apps.engagement.models import Comment
from apps.moderation.cases.blurring import is_unpleasant
from apps.moderation.models import Flag, ModerationAction, TargetType
from apps.moderation.permissions import masked_email
from apps.social.models import Block, Follow

# The number of newest rows of each kind that a profile lists; the search and the audit show the others.
PHOTOS, NEIGHBOURS, SESSIONS, EVENTS, COMMENTS = 24, 12, 10, 50, 30
# Rows are counted up to this number, so that every count is cheap.
COUNTED = 1000
LIKES_COUNTED = 100_000
LIKE_DAYS = 30


# ── A person ─────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class SessionSummary:
    """A session with its address shortened to the network: two sessions can be compared, but nobody can be located."""

    device: str
    network: str
    created_at: datetime
    last_seen_at: datetime
    live: bool


@dataclass(frozen=True)
class Event:
    """A report or an action (`row`) in the timeline."""

    at: datetime
    kind: str
    row: Any


@dataclass(frozen=True)
class PersonProfile:
    person: User
    email: str
    counts: dict[str, int]
    # PostMedia with the annotation of `_photos`.
    photos: list[Any]
    followers: list[User]
    followed: list[User]
    sessions: list[SessionSummary]
    timeline: list[Event]
    appeals: list[ModerationAction]


def get_person_profile(person_id: UUID) -> PersonProfile:
    """In seven queries. Raises NotFound."""
    people = User.objects.select_related("avatar").annotate(unpleasant=is_unpleasant(TargetType.USER))
    person = people.annotate(**_counts(person_id)).filter(pk=person_id).first()
    if person is None:
        raise NotFound
    photos = _photos().filter(post__author=person_id)
    actions = list(_with_appeals(ModerationAction.objects.affecting(person_id)))
    flags = Flag.objects.select_related("resolved_by").filter(subject=person_id).order_by("-id")[:EVENTS]
    followers, followed = _neighbours(person_id)
    return PersonProfile(
        person=person,
        email=masked_email(person.email),
        counts={name: getattr(person, name) for name in _counts(person_id)},
        photos=list(photos.order_by("-post_id", "position")[:PHOTOS]),
        followers=followers,
        followed=followed,
        sessions=[_summarize(session) for session in Session.objects.owned_by(person_id).order_by("-id")[:SESSIONS]],
        timeline=_timeline(actions, flags),
        appeals=[action for action in actions if hasattr(action, "appeal")],
    )


def _counts(person_id: UUID) -> dict[str, Func]:
    """Each counts up to COUNTED rows by an index."""
    actions = ModerationAction.objects.filter(affected_id=person_id)
    wanted: dict[str, Any] = {
        "blocked_by": Block.objects.filter(blocked=person_id),
        "blocks": Block.objects.filter(blocker=person_id),
        "flags_about": Flag.objects.filter(subject=person_id),
        "flags_made": Flag.objects.filter(reporter=person_id),
        "flags_made_resolved": Flag.objects.filter(reporter=person_id, status=Flag.Status.RESOLVED),
        "flags_made_dismissed": Flag.objects.filter(reporter=person_id, status=Flag.Status.DISMISSED),
        "takedowns": actions.filter(action=ModerationAction.Action.TAKEDOWN),
        "suspensions": actions.filter(action=ModerationAction.Action.SUSPEND),
        "warnings": actions.in_force().filter(action=ModerationAction.Action.WARN),
        "marks": actions.in_force().filter(action=ModerationAction.Action.MARK_SENSITIVE),
        "limits": actions.in_force().filter(action=ModerationAction.Action.LIMIT_REACH),
    }
    return {name: bounded_count(rows) for name, rows in wanted.items()}


def bounded_count(rows: QuerySet[Any]) -> Func:
    """The number of rows up to COUNTED, in a subquery: a plain Count would not be bounded."""
    ids = ArraySubquery(rows.order_by().values("pk")[:COUNTED])
    return Func(ids, function="cardinality", output_field=IntegerField())


def _neighbours(person_id: UUID) -> tuple[list[User], list[User]]:
    """The newest followers and the newest followed users, in one query."""
    follows = Follow.objects.select_related("follower", "followed").order_by("-id")
    followers = follows.filter(followed=person_id)[:NEIGHBOURS]
    followed = follows.filter(follower=person_id)[:NEIGHBOURS]
    both = list(followers.union(followed, all=True))
    return (
        [follow.follower for follow in both if follow.followed_id == person_id],
        [follow.followed for follow in both if follow.follower_id == person_id],
    )


def _summarize(session: Session) -> SessionSummary:
    return SessionSummary(
        device=session.device_name or session.user_agent[:60] or "unknown device",
        network=masked_address(session.address),
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        live=session.ended_at is None and session.expires_at > timezone.now(),
    )


# ── A post ───────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class PostProfile:
    post: Post
    # PostMedia with the annotation of `_photos`.
    photos: list[Any]
    comments: list[Comment]
    likes: list[tuple[date, int]]
    timeline: list[Event]


def get_post_profile(post_id: UUID) -> PostProfile:
    """In six queries. Raises NotFound."""
    post = Post.objects.select_related("author__avatar").filter(pk=post_id).first()
    if post is None:
        raise NotFound
    actions = _with_appeals(ModerationAction.objects.on(TargetType.POST, post_id))
    flags = Flag.objects.select_related("resolved_by").filter(target_id=post_id, target_type=TargetType.POST)
    comments = Comment.objects.select_related("author").on(post_id).threads()
    return PostProfile(
        post=post,
        photos=list(_photos().filter(post=post).order_by("position")),
        comments=list(comments.order_by("-id")[:COMMENTS]),
        likes=_likes_by_day(post_id),
        timeline=_timeline(list(actions), flags.order_by("-id")[:EVENTS]),
    )


def _likes_by_day(post_id: UUID) -> list[tuple[date, int]]:
    """The likes on each of the last LIKE_DAYS days, today last. Only the newest LIKES_COUNTED likes are counted."""
    today = timezone.now().date()
    first = today - timedelta(days=LIKE_DAYS - 1)
    since = first_id_at(timezone.now() - timedelta(days=LIKE_DAYS))
    sql = load("moderation/likes_by_day")
    counted: dict[date, int] = dict(fetch_rows(sql, {"post": post_id, "since": since, "limit": LIKES_COUNTED}))
    days = [first + timedelta(days=n) for n in range(LIKE_DAYS)]
    return [(day, counted.get(day, 0)) for day in days]


# ── Both ─────────────────────────────────────────────────────────────────────────────────────────────────
def _photos() -> Any:
    """With `unpleasant`: whether to blur them."""
    unpleasant = is_unpleasant(TargetType.POST, "post_id")
    return PostMedia.objects.select_related("medium", "post").annotate(unpleasant=unpleasant)


def _with_appeals(actions: Any) -> Any:
    """The newest actions with the actor (None: automatic, or a deleted account), the reversal and the appeal."""
    return actions.select_related("actor", "reversal", "appeal__decided_by").order_by("-id")[:EVENTS]


def _timeline(actions: list[ModerationAction], flags: Any) -> list[Event]:
    """Reports and actions, newest first. A closed report shows its decision itself."""
    events = [Event(flag.created_at, "flag", flag) for flag in flags]
    closing = {ModerationAction.Action.RESOLVE_FLAG, ModerationAction.Action.DISMISS_FLAG}
    events += [Event(action.created_at, "action", action) for action in actions if action.action not in closing]
    return sorted(events, key=lambda event: event.at, reverse=True)[:EVENTS]
