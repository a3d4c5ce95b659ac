"""The demo world made true: by the verbs that the API calls, and in bulk where there are thousands."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Post
from apps.core.db.counters import every_counter
from apps.core.db.ids import new_id_at
from apps.engagement.models import Comment, Like
from apps.feed import explore
from apps.media.models import Media
from apps.moderation import roles
from apps.social import services as social
from apps.social.models import Follow, FollowRequest
from demo import darkroom, reports
from demo import plan as plans
from demo.people import CAST, Person
from demo.plan import Plan, PlannedPost, Remark, Shot, Size, Tie

PASSWORD = "photogram-demo"  # noqa: S105  # printed for everybody, and refused in production
MODERATOR, SENIOR, ADMIN = "mod", "senior", "admin"
MODERATORS = {MODERATOR: ("Moderator", "moderator"), SENIOR: ("Senior moderator", "senior_moderator")}
# Lie decided behind the moderators of the small world.
PAST_REPORTS = 120
JOINED_BEFORE = timedelta(days=70)
# (things, description) → the same things, while a progress bar counts them.
Track = Callable[..., Iterable[Any]]


def build(size: Size, seed: int, *, track: Track) -> None:
    """Make what is not there yet. The cast's world is made once: what somebody deletes in it stays deleted."""
    if not User.objects.filter(handle=ADMIN).exists():
        _build_cast(plans.small(seed), seed, track)
    if size.townspeople:
        _build_town(plans.town(seed, size), track)
    explore.keep_scores()


# ── The cast, by verbs ───────────────────────────────────────────────────────────────────────────────────
def _build_cast(plan: Plan, seed: int, track: Track) -> None:
    shots = [shot for post in plan.posts for shot in post.shots]
    jpegs = darkroom.taken([*plan.avatars.values(), *shots])
    people = {
        person.handle: _join(person, plan.avatars[person.handle], next(jpegs))
        for person in track(plan.people, description="People")
    }
    for tie in track(plan.ties, description="Follows"):
        _follow(tie, people)
    posts = [_publish(planned, people, jpegs) for planned in track(plan.posts, description="Photographs")]
    _react(plan, posts, people)
    moderators = [_make_moderator(handle, name, role) for handle, (name, role) in MODERATORS.items()]
    reports.file(np.random.default_rng([seed, 3]), moderators=moderators, past=PAST_REPORTS)
    _make_administrator()


def _join(person: Person, portrait: Shot, jpeg: bytes) -> User:
    user = User.objects.filter(handle=person.handle).first() or accounts.sign_up(
        handle=person.handle, email=person.email, password=PASSWORD, display_name=person.name
    )
    joined = timezone.now() - JOINED_BEFORE
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now(), created_at=joined)
    changes: dict[str, Any] = {"bio": person.bio, "website": person.website, "is_private": person.is_private}
    if user.avatar_id is None:
        changes["avatar_media_id"] = darkroom.uploaded(jpeg, portrait, user.pk).pk
    return accounts.update_profile(user, changes=changes)


def _follow(tie: Tie, people: dict[str, User]) -> None:
    follower, person = people[tie.follower], people[tie.followed]
    social.follow(person.pk, by=follower.pk)
    if tie.accepted and FollowRequest.objects.filter(requester=follower, target=person).exists():
        social.accept_request(follower.pk, by=person.pk)


def _publish(planned: PlannedPost, people: dict[str, User], jpegs: Iterator[bytes]) -> Post:
    author = people[planned.author]
    files = [next(jpegs) for _ in planned.shots]
    there: Post | None = Post.objects.filter(author=author, caption=planned.caption).first()
    if there:
        return there
    media_ids = [darkroom.uploaded(jpeg, shot, author.pk).pk for jpeg, shot in zip(files, planned.shots, strict=True)]
    return _post(planned, author, media_ids)


def _post(planned: PlannedPost, author: User, media_ids: list[UUID]) -> Post:
    visibility = Post.Visibility.FOLLOWERS if planned.followers_only else Post.Visibility.PUBLIC
    post = content.create_post(author_id=author.pk, media_ids=media_ids, caption=planned.caption, visibility=visibility)
    moment = timezone.now() - planned.age
    Post.objects.filter(pk=post.pk).update(created_at=moment, published_at=moment)
    post.refresh_from_db()
    return post


def _make_moderator(handle: str, name: str, role: str) -> User:
    """As an operator would make one."""
    moderator: User | None = User.objects.filter(handle=handle).first()
    if moderator is None:
        moderator = User(handle=handle, email=f"{handle}@example.org", display_name=name)
        moderator.set_password(PASSWORD)
        moderator.email_verified_at = timezone.now()
        moderator.save()
    roles.appoint(moderator, role)
    return moderator


def _make_administrator() -> None:
    """Last: that there is one says that the cast's world is complete."""
    User.objects.create_superuser(
        ADMIN, "admin@example.org", PASSWORD, display_name="Administrator", email_verified_at=timezone.now()
    )


# ── The town, in bulk ────────────────────────────────────────────────────────────────────────────────────
def _build_town(plan: Plan, track: Track) -> None:
    people = _move_in(plan)
    _tie_in_bulk(plan.ties, people)
    _hand_out_portraits(plan, people, track)
    posts = _publish_in_bulk(plan, people, track)
    _react(plan, posts, people)


def _move_in(plan: Plan) -> dict[str, User]:
    """Everybody's account, with one hash for the one password: three hundred would take half a minute."""
    password, now = make_password(PASSWORD), timezone.now()
    User.objects.bulk_create(
        [
            User(
                # Limits of new accounts go by it.
                id=new_id_at(now - JOINED_BEFORE),
                handle=person.handle,
                email=person.email,
                password=password,
                display_name=person.name,
                bio=person.bio,
                is_private=person.is_private,
                email_verified_at=now,
                created_at=now - JOINED_BEFORE,
            )
            for person in plan.people
        ],
        ignore_conflicts=True,
    )
    wanted = [person.handle for person in (*CAST, *plan.people)]
    return {user.handle: user for user in User.objects.filter(handle__in=wanted)}


def _tie_in_bulk(ties: list[Tie], people: dict[str, User]) -> None:
    Follow.objects.bulk_create(
        [
            Follow(follower=people[tie.follower], followed=people[tie.followed])
            for tie in ties
            if tie.followed in people  # one of the cast may have been erased meanwhile
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )


def _hand_out_portraits(plan: Plan, people: dict[str, User], track: Track) -> None:
    wanting = {handle: shot for handle, shot in plan.avatars.items() if people[handle].avatar_id is None}
    with tempfile.TemporaryDirectory(prefix="photogram-demo-") as folder:
        prints = _Album(list(wanting.values()), Path(folder))
        for handle, shot in track(list(wanting.items()), description="Portraits"):
            user = people[handle]
            medium = prints.of(shot, user.pk)
            accounts.update_profile(user, changes={"avatar_media_id": medium.pk})


def _publish_in_bulk(plan: Plan, people: dict[str, User], track: Track) -> list[Post]:
    there = {(p.author_id, p.caption): p for p in Post.objects.filter(author__in=people.values())}
    missing = [post for post in plan.posts if (people[post.author].pk, post.caption) not in there]
    with tempfile.TemporaryDirectory(prefix="photogram-demo-") as folder:
        prints = _Album([shot for post in missing for shot in post.shots], Path(folder))
        for planned in track(missing, description="Posts"):
            author = people[planned.author]
            media_ids = [prints.of(shot, author.pk).pk for shot in planned.shots]
            there[author.pk, planned.caption] = _post(planned, author, media_ids)
    return [there[people[post.author].pk, post.caption] for post in plan.posts]


# ── Likes and comments ───────────────────────────────────────────────────────────────────────────────────
def _react(plan: Plan, posts: list[Post], people: dict[str, User]) -> None:
    """All of them at once; then every counter is counted anew."""
    with transaction.atomic():
        likes = [Like(post=posts[number], user=people[handle]) for number, handle in plan.likes]
        Like.objects.bulk_create(likes, ignore_conflicts=True, batch_size=1000)
        there = set(Comment.objects.filter(post__in=posts).values_list("post_id", "author_id", "text"))
        made: dict[Remark, Comment] = {}
        for remark in plan.remarks:
            post, author = posts[remark.post], people[remark.author]
            if (post.pk, author.pk, remark.text) not in there:
                made[remark] = Comment(
                    post=post,
                    author=author,
                    text=remark.text,
                    parent=made.get(remark.reply_to) if remark.reply_to else None,
                    created_at=_some_time_after(post, len(made)),
                )
        Comment.objects.bulk_create(made.values(), batch_size=1000)
    for counter in every_counter():
        for _ in counter.repair():
            pass


def _some_time_after(post: Post, number: int) -> datetime:
    return min(post.created_at + timedelta(minutes=17 * (number % 50 + 1)), timezone.now())


class _Album:
    """Shared photographs: each is taken, uploaded and processed once, for the first who asks, and copied for others."""

    def __init__(self, shots: list[Shot], folder: Path) -> None:
        self._folder = folder
        order = list(dict.fromkeys(shots))
        self._jpegs = dict(zip(order, darkroom.taken(order), strict=True))
        self._prints: dict[Shot, darkroom.Prints] = {}

    def of(self, shot: Shot, owner_id: UUID) -> Media:
        if shot in self._prints:
            return self._prints[shot].for_(owner_id)
        jpeg = self._jpegs[shot]
        medium = darkroom.uploaded(jpeg, shot, owner_id)
        self._prints[shot] = darkroom.Prints(medium, jpeg, self._folder)
        return medium
