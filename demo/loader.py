"""Writes the planned demo data: with the services that the API calls, or in bulk where there are thousands of rows."""

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
from demo import photo_uploads, reports
from demo import plan as plans
from demo.people import CAST, Person
from demo.plan import Plan, PlannedComment, PlannedFollow, PlannedPhoto, PlannedPost, Size

PASSWORD = "photogram-demo"  # noqa: S105  # public, and refused in production
MODERATOR, SENIOR, ADMIN = "mod", "senior", "admin"
MODERATORS = {MODERATOR: ("Moderator", "moderator"), SENIOR: ("Senior moderator", "senior_moderator")}
# Decided reports of the past month.
PAST_REPORTS = 120
JOINED_BEFORE = timedelta(days=70)
# `track(items, description=...)` returns the items and shows a progress bar.
Track = Callable[..., Iterable[Any]]


def load(size: Size, seed: int, *, track: Track) -> None:
    """Create the demo data that does not exist yet. Data of the cast is created once: it may be deleted afterwards."""
    if not User.objects.filter(handle=ADMIN).exists():
        _load_cast(plans.small(seed), seed, track)
    if size.people:
        _load_generated(plans.generated(seed, size), track)
    explore.keep_scores()


# ── The cast, with services ──────────────────────────────────────────────────────────────────────────────
def _load_cast(plan: Plan, seed: int, track: Track) -> None:
    photos = [photo for post in plan.posts for photo in post.photos]
    jpegs = photo_uploads.render([*plan.avatars.values(), *photos])
    people = {
        person.handle: _create_user(person, plan.avatars[person.handle], next(jpegs))
        for person in track(plan.people, description="People")
    }
    for follow in track(plan.follows, description="Follows"):
        _create_follow(follow, people)
    posts = [_create_post(planned, people, jpegs) for planned in track(plan.posts, description="Posts")]
    _create_reactions(plan, posts, people)
    moderators = [_create_moderator(handle, name, role) for handle, (name, role) in MODERATORS.items()]
    reports.create(np.random.default_rng([seed, 3]), moderators=moderators, past=PAST_REPORTS)
    _create_administrator()


def _create_user(person: Person, avatar: PlannedPhoto, jpeg: bytes) -> User:
    user = User.objects.filter(handle=person.handle).first() or accounts.sign_up(
        handle=person.handle, email=person.email, password=PASSWORD, display_name=person.name
    )
    joined = timezone.now() - JOINED_BEFORE
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now(), created_at=joined)
    changes: dict[str, Any] = {"bio": person.bio, "website": person.website, "is_private": person.is_private}
    if user.avatar_id is None:
        changes["avatar_media_id"] = photo_uploads.upload(jpeg, avatar, user.pk).pk
    return accounts.update_profile(user, changes=changes)


def _create_follow(follow: PlannedFollow, people: dict[str, User]) -> None:
    follower, person = people[follow.follower], people[follow.followed]
    social.follow(person.pk, by=follower.pk)
    if follow.accepted and FollowRequest.objects.filter(requester=follower, target=person).exists():
        social.accept_request(follower.pk, by=person.pk)


def _create_post(planned: PlannedPost, people: dict[str, User], jpegs: Iterator[bytes]) -> Post:
    author = people[planned.author]
    files = [next(jpegs) for _ in planned.photos]
    existing: Post | None = Post.objects.filter(author=author, caption=planned.caption).first()
    if existing:
        return existing
    photos = zip(files, planned.photos, strict=True)
    media_ids = [photo_uploads.upload(jpeg, photo, author.pk).pk for jpeg, photo in photos]
    return _save_post(planned, author, media_ids)


def _save_post(planned: PlannedPost, author: User, media_ids: list[UUID]) -> Post:
    visibility = Post.Visibility.FOLLOWERS if planned.followers_only else Post.Visibility.PUBLIC
    post = content.create_post(author_id=author.pk, media_ids=media_ids, caption=planned.caption, visibility=visibility)
    posted_at = timezone.now() - planned.age
    Post.objects.filter(pk=post.pk).update(created_at=posted_at, published_at=posted_at)
    post.refresh_from_db()
    return post


def _create_moderator(handle: str, name: str, role: str) -> User:
    moderator: User | None = User.objects.filter(handle=handle).first()
    if moderator is None:
        moderator = User(handle=handle, email=f"{handle}@example.org", display_name=name)
        moderator.set_password(PASSWORD)
        moderator.email_verified_at = timezone.now()
        moderator.save()
    roles.appoint(moderator, role)
    return moderator


def _create_administrator() -> None:
    """Comes last, because the account marks the data of the cast as complete."""
    User.objects.create_superuser(
        ADMIN, "admin@example.org", PASSWORD, display_name="Administrator", email_verified_at=timezone.now()
    )


# ── Generated people, in bulk ────────────────────────────────────────────────────────────────────────────
def _load_generated(plan: Plan, track: Track) -> None:
    people = _bulk_create_users(plan)
    _bulk_create_follows(plan.follows, people)
    _set_avatars(plan, people, track)
    posts = _bulk_create_posts(plan, people, track)
    _create_reactions(plan, posts, people)


def _bulk_create_users(plan: Plan) -> dict[str, User]:
    """All have the same password and hash, since hashing three hundred times would take half a minute."""
    password, now = make_password(PASSWORD), timezone.now()
    User.objects.bulk_create(
        [
            User(
                # Limits for new accounts read the age of an account from its id.
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
    handles = [person.handle for person in (*CAST, *plan.people)]
    return {user.handle: user for user in User.objects.filter(handle__in=handles)}


def _bulk_create_follows(follows: list[PlannedFollow], people: dict[str, User]) -> None:
    Follow.objects.bulk_create(
        [
            Follow(follower=people[follow.follower], followed=people[follow.followed])
            for follow in follows
            if follow.followed in people  # somebody of the cast may have been deleted
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )


def _set_avatars(plan: Plan, people: dict[str, User], track: Track) -> None:
    missing = {handle: photo for handle, photo in plan.avatars.items() if people[handle].avatar_id is None}
    with tempfile.TemporaryDirectory(prefix="photogram-demo-") as folder:
        shared = _SharedPhotos(list(missing.values()), Path(folder))
        for handle, photo in track(list(missing.items()), description="Avatars"):
            user = people[handle]
            medium = shared.get_for(photo, user.pk)
            accounts.update_profile(user, changes={"avatar_media_id": medium.pk})


def _bulk_create_posts(plan: Plan, people: dict[str, User], track: Track) -> list[Post]:
    posts = {(p.author_id, p.caption): p for p in Post.objects.filter(author__in=people.values())}
    missing = [post for post in plan.posts if (people[post.author].pk, post.caption) not in posts]
    with tempfile.TemporaryDirectory(prefix="photogram-demo-") as folder:
        shared = _SharedPhotos([photo for post in missing for photo in post.photos], Path(folder))
        for planned in track(missing, description="Posts"):
            author = people[planned.author]
            media_ids = [shared.get_for(photo, author.pk).pk for photo in planned.photos]
            posts[author.pk, planned.caption] = _save_post(planned, author, media_ids)
    return [posts[people[post.author].pk, post.caption] for post in plan.posts]


# ── Likes and comments ───────────────────────────────────────────────────────────────────────────────────
def _create_reactions(plan: Plan, posts: list[Post], people: dict[str, User]) -> None:
    """Create likes and comments in bulk, then correct all counters."""
    with transaction.atomic():
        likes = [Like(post=posts[number], user=people[handle]) for number, handle in plan.likes]
        Like.objects.bulk_create(likes, ignore_conflicts=True, batch_size=1000)
        existing = set(Comment.objects.filter(post__in=posts).values_list("post_id", "author_id", "text"))
        created: dict[PlannedComment, Comment] = {}
        for comment in plan.comments:
            post, author = posts[comment.post], people[comment.author]
            if (post.pk, author.pk, comment.text) not in existing:
                created[comment] = Comment(
                    post=post,
                    author=author,
                    text=comment.text,
                    parent=created.get(comment.reply_to) if comment.reply_to else None,
                    created_at=_time_after(post, len(created)),
                )
        Comment.objects.bulk_create(created.values(), batch_size=1000)
    for counter in every_counter():
        for _ in counter.repair():
            pass


def _time_after(post: Post, number: int) -> datetime:
    return min(post.created_at + timedelta(minutes=17 * (number % 50 + 1)), timezone.now())


class _SharedPhotos:
    """Photos that several people use: rendered and processed once, for the first owner, and copied for others."""

    def __init__(self, photos: list[PlannedPhoto], folder: Path) -> None:
        self._folder = folder
        order = list(dict.fromkeys(photos))
        self._jpegs = dict(zip(order, photo_uploads.render(order), strict=True))
        self._shared: dict[PlannedPhoto, photo_uploads.SharedMedia] = {}

    def get_for(self, photo: PlannedPhoto, owner_id: UUID) -> Media:
        if photo in self._shared:
            return self._shared[photo].copy_for(owner_id)
        jpeg = self._jpegs[photo]
        medium = photo_uploads.upload(jpeg, photo, owner_id)
        self._shared[photo] = photo_uploads.SharedMedia(medium, jpeg, self._folder)
        return medium
