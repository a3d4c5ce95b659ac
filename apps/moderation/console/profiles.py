"""All that a moderator needs to know of a person or a post, each in a fixed number of bounded statements."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, IntegerField, OuterRef, Subquery
from django.utils import timezone

from apps.accounts.models import Session, User
from apps.content.models import Post, PostMedia
from apps.core.db.ids import first_id_at
from apps.core.errors import NotFound
from apps.engagement.models import Comment
from apps.moderation.models import UNPLEASANT, Flag, ModerationAction, TargetType
from apps.moderation.permissions import masked_address, masked_email
from apps.social.models import Block, Follow

# What is listed of each kind, newest first; the search and the audit lead further.
PHOTOS, NEIGHBOURS, SESSIONS, EVENTS, COMMENTS = 24, 12, 10, 50, 30
# Rows that are counted at most, so that a count costs the same for everybody.
COUNTED = 1000
LIKES_COUNTED = 100_000
LIKE_DAYS = 30

_LIKES = """
SELECT (created_at AT TIME ZONE 'UTC')::date AS day, count(*) FROM (
    SELECT created_at FROM engagement_like WHERE post_id = %s AND id >= %s ORDER BY id DESC LIMIT %s
) AS newest GROUP BY day
"""


# ── A person ─────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Trace:
    """A session with its address shortened: enough to see that two belong together, too little to find a home."""

    device: str
    network: str
    created_at: datetime
    last_seen_at: datetime
    live: bool


@dataclass(frozen=True)
class Event:
    """A flag, or an action, in the order of time; `row` is it."""

    at: datetime
    kind: str
    row: Any


@dataclass(frozen=True)
class PersonDossier:
    person: User
    email: str
    counts: dict[str, int]
    # PostMedia, as `_photos` has them.
    photos: list[Any]
    followers: list[User]
    followed: list[User]
    sessions: list[Trace]
    timeline: list[Event]
    appeals: list[ModerationAction]


def of_person(person_id: UUID) -> PersonDossier:
    """In seven statements. Raises NotFound."""
    person = User.objects.select_related("avatar").annotate(**_counts(person_id)).filter(pk=person_id).first()
    if person is None:
        raise NotFound
    photos = _photos().select_related("post").filter(post__author=person_id)
    actions = list(_with_appeals(ModerationAction.objects.filter(affected_id=person_id)))
    flags = Flag.objects.select_related("resolved_by").filter(subject=person_id).order_by("-id")[:EVENTS]
    followers, followed = _neighbours(person_id)
    return PersonDossier(
        person=person,
        email=masked_email(person.email),
        counts={name: getattr(person, name) for name in _counts(person_id)},
        photos=list(photos.order_by("-post_id", "position")[:PHOTOS]),
        followers=followers,
        followed=followed,
        sessions=[_trace(session) for session in Session.objects.owned_by(person_id).order_by("-id")[:SESSIONS]],
        timeline=_timeline(actions, flags),
        appeals=[action for action in actions if hasattr(action, "appeal")],
    )


def _counts(person_id: UUID) -> dict[str, Subquery]:
    """Each counted up to COUNTED by an index."""
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
    }
    return {name: _Counted(rows.order_by().values("pk")[:COUNTED]) for name, rows in wanted.items()}


class _Counted(Subquery):
    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def _neighbours(person_id: UUID) -> tuple[list[User], list[User]]:
    """The newest followers, and the newest whom they follow, in one statement: two bounded walks of an index each."""
    ties = Follow.objects.select_related("follower", "followed").order_by("-id")
    followers, followed = ties.filter(followed=person_id)[:NEIGHBOURS], ties.filter(follower=person_id)[:NEIGHBOURS]
    both = list(followers.union(followed, all=True))
    return (
        [tie.follower for tie in both if tie.followed_id == person_id],
        [tie.followed for tie in both if tie.follower_id == person_id],
    )


def _trace(session: Session) -> Trace:
    return Trace(
        device=session.device_name or session.user_agent[:60] or "unknown device",
        network=masked_address(session.address),
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        live=session.ended_at is None and session.expires_at > timezone.now(),
    )


# ── A post ───────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class PostDossier:
    post: Post
    # PostMedia, as `_photos` has them.
    photos: list[Any]
    comments: list[Comment]
    likes: list[tuple[date, int]]
    timeline: list[Event]


def of_post(post_id: UUID) -> PostDossier:
    """In six statements. Raises NotFound."""
    post = Post.objects.select_related("author__avatar").filter(pk=post_id).first()
    if post is None:
        raise NotFound
    actions = _with_appeals(ModerationAction.objects.on(TargetType.POST, post_id))
    flags = Flag.objects.select_related("resolved_by").filter(target_id=post_id, target_type=TargetType.POST)
    comments = Comment.objects.select_related("author").on(post_id).threads()
    return PostDossier(
        post=post,
        photos=list(_photos().filter(post=post).order_by("position")),
        comments=list(comments.order_by("-id")[:COMMENTS]),
        likes=_likes_by_day(post_id),
        timeline=_timeline(list(actions), flags.order_by("-id")[:EVENTS]),
    )


def _likes_by_day(post_id: UUID) -> list[tuple[date, int]]:
    """Of the last LIKE_DAYS days, today last; at most the newest LIKES_COUNTED likes."""
    today = timezone.now().date()
    first = today - timedelta(days=LIKE_DAYS - 1)
    since = first_id_at(timezone.now() - timedelta(days=LIKE_DAYS))
    with connection.cursor() as cursor:
        cursor.execute(_LIKES, [post_id, since, LIKES_COUNTED])
        counted = dict(cursor.fetchall())
    days = [first + timedelta(days=n) for n in range(LIKE_DAYS)]
    return [(day, counted.get(day, 0)) for day in days]


# ── Both ─────────────────────────────────────────────────────────────────────────────────────────────────
def _photos() -> Any:
    """With `unpleasant`: whether their post is, or was, reported for what nobody has to look at unprepared."""
    reported = Flag.objects.filter(target_type=TargetType.POST, target_id=OuterRef("post_id"), category__in=UNPLEASANT)
    return PostMedia.objects.select_related("medium").annotate(
        unpleasant=Exists(reported.exclude(status=Flag.Status.DISMISSED))
    )


def _with_appeals(actions: Any) -> Any:
    """The newest, with who acted (None: the clock, or an account that is gone), what came of it, and its appeal."""
    return actions.select_related("actor", "reversal", "appeal__decided_by").order_by("-id")[:EVENTS]


def _timeline(actions: list[ModerationAction], flags: Any) -> list[Event]:
    """Newest first. Closing a flag is told by the flag itself."""
    events = [Event(flag.created_at, "flag", flag) for flag in flags]
    closing = {ModerationAction.Action.RESOLVE_FLAG, ModerationAction.Action.DISMISS_FLAG}
    events += [Event(action.created_at, "action", action) for action in actions if action.action not in closing]
    return sorted(events, key=lambda event: event.at, reverse=True)[:EVENTS]
