"""Plans the demo data: people, follows, posts, likes and comments. The same seed and size give the same plan.

Nothing here reads or writes the database.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from demo.people import CAST, Person, generate_people
from demo.photographs import SCENES
from demo.words import ALT_TEXTS, CAPTIONS, COMMENTS, REPLIES

CAST_POSTS = 34
CAST_PHOTOGRAPHS = 40
# Shared photos are smaller, because each post has a copy of its own on disk.
SHARED_LONGEST = 1280
AVATAR_LONGEST = 640


@dataclass(frozen=True)
class Size:
    """The number of generated people, posts and photos, in addition to those of the cast."""

    people: int
    posts: int
    photos: int


SIZES = {"small": Size(0, 0, 0), "medium": Size(people=288, posts=1466, photos=80)}


@dataclass(frozen=True)
class PlannedPhoto:
    """Equal photos are the same file."""

    scene: str
    seed: int
    longest: int | None = None
    square: bool = False

    @property
    def alt_text(self) -> str:
        return ALT_TEXTS[self.scene]


@dataclass(frozen=True)
class PlannedFollow:
    follower: str
    followed: str
    accepted: bool = True


@dataclass(frozen=True)
class PlannedPost:
    """A post that is `age` old. The captions of an author are unique."""

    author: str
    photos: tuple[PlannedPhoto, ...]
    caption: str
    age: timedelta
    followers_only: bool = False


@dataclass(frozen=True)
class PlannedComment:
    """A comment on post number `post`, or a reply to the comment `reply_to`."""

    post: int
    author: str
    text: str
    reply_to: "PlannedComment | None" = None


@dataclass
class Plan:
    people: list[Person] = field(default_factory=list)
    avatars: dict[str, PlannedPhoto] = field(default_factory=dict)
    follows: list[PlannedFollow] = field(default_factory=list)
    posts: list[PlannedPost] = field(default_factory=list)
    likes: list[tuple[int, str]] = field(default_factory=list)
    comments: list[PlannedComment] = field(default_factory=list)


def small(seed: int) -> Plan:
    """The cast: a dozen people with forty photos."""
    rng = np.random.default_rng([seed, 1])
    plan = Plan(people=list(CAST))
    for number, person in enumerate(CAST):
        scene = person.scenes[0]
        plan.avatars[person.handle] = PlannedPhoto(scene, seed * 1000 + 500 + number, AVATAR_LONGEST, square=True)
    plan.follows = _generate_follows(rng, CAST, CAST, few=3, many=9)
    _add_fixed_follows(plan)
    _add_cast_posts(rng, plan, seed)
    _add_reactions(rng, plan, range(len(plan.posts)), likes=0.85, comments=0.25)
    return plan


def generated(seed: int, size: Size) -> Plan:
    """Further people. They may follow the cast; likes and comments are for posts of their own."""
    rng = np.random.default_rng([seed, 2])
    people = list(generate_people(rng, size.people, list(SCENES)))
    plan = Plan(people=people)
    pool = [
        PlannedPhoto(scene, seed * 1000 + 700 + number, SHARED_LONGEST)
        for number, scene in zip(range(size.photos), _round_robin(SCENES), strict=False)
    ]
    avatars_pool = [
        PlannedPhoto(scene, seed * 1000 + 900 + number, AVATAR_LONGEST, square=True)
        for number, scene in zip(range(24), _round_robin(SCENES), strict=False)
    ]
    for person in people:
        if rng.uniform() < 0.7:
            plan.avatars[person.handle] = avatars_pool[int(rng.integers(len(avatars_pool)))]
    plan.follows = _generate_follows(rng, people, [*CAST, *people], few=8, many=80)
    plan.posts = _generate_posts(rng, plan, pool, size.posts)
    _add_reactions(rng, plan, range(len(plan.posts)), likes=0.45, comments=0.06)
    return plan


def _round_robin(scenes: Iterable[str]) -> Iterable[str]:
    names = list(scenes)
    while True:
        yield from names


def _generate_follows(
    rng: np.random.Generator, followers: list[Person], followed: list[Person], *, few: int, many: int
) -> list[PlannedFollow]:
    """Everybody follows `few` to `many` others, popular people more often: follower counts obey a power law."""
    popularity = np.array([person.popularity for person in followed])
    follows = []
    for person in followers:
        weights = np.where([other.handle == person.handle for other in followed], 0, popularity)
        count = min(int(few + rng.pareto(1.6) * few), many, len(followed) - 1)
        chosen = rng.choice(len(followed), size=count, replace=False, p=weights / weights.sum())
        follows += [PlannedFollow(person.handle, followed[int(number)].handle) for number in sorted(chosen)]
    return follows


def _add_fixed_follows(plan: Plan) -> None:
    """Add follows that exist with every seed: bob follows alice, both follow carol, and two requests wait for carol."""
    fixed = [
        PlannedFollow("bob", "alice"),
        PlannedFollow("alice", "bob"),
        PlannedFollow("alice", "carol"),
        PlannedFollow("bob", "carol"),
        PlannedFollow("carol", "alice"),
        PlannedFollow("marisol", "carol", accepted=False),
        PlannedFollow("emre_k", "carol", accepted=False),
    ]
    pairs = {(follow.follower, follow.followed) for follow in fixed}
    plan.follows = fixed + [follow for follow in plan.follows if (follow.follower, follow.followed) not in pairs]


def _add_cast_posts(rng: np.random.Generator, plan: Plan, seed: int) -> None:
    extra = CAST_PHOTOGRAPHS - CAST_POSTS
    counts = [
        2 if number % (CAST_POSTS // extra) == 1 and number // (CAST_POSTS // extra) < extra else 1
        for number in range(CAST_POSTS)
    ]
    used: dict[str, set[str]] = defaultdict(set)
    ages = np.sort(rng.uniform(0.2, 45, CAST_POSTS))[::-1]
    total = 0
    for number, (count, age) in enumerate(zip(counts, ages, strict=True)):
        author = CAST[number % len(CAST)]
        scene = author.scenes[int(rng.integers(len(author.scenes)))]
        photos = tuple(PlannedPhoto(scene, seed * 1000 + total + step) for step in range(count))
        total += count
        friends = [follow.follower for follow in plan.follows if follow.followed == author.handle and follow.accepted]
        caption = _caption(rng, scene, friends, used[author.handle])
        followers_only = number % 11 == 5
        plan.posts.append(PlannedPost(author.handle, photos, caption, timedelta(days=float(age)), followers_only))


def _generate_posts(rng: np.random.Generator, plan: Plan, pool: list[PlannedPhoto], count: int) -> list[PlannedPost]:
    activity = np.minimum(rng.pareto(1.5, len(plan.people)) + 0.2, 6)
    authors = rng.choice(len(plan.people), size=count, p=activity / activity.sum())
    ages = np.sort(rng.uniform(0.1, 60, count))[::-1]
    followers_of: dict[str, list[str]] = defaultdict(list)
    for follow in plan.follows:
        followers_of[follow.followed].append(follow.follower)
    used: dict[str, set[str]] = defaultdict(set)
    posts = []
    for number, age in zip(authors, ages, strict=True):
        author = plan.people[int(number)]
        liked_scenes = [photo for photo in pool if photo.scene in author.scenes]
        photo = liked_scenes[int(rng.integers(len(liked_scenes)))]
        caption = _caption(rng, photo.scene, followers_of[author.handle], used[author.handle])
        posts.append(PlannedPost(author.handle, (photo,), caption, timedelta(days=float(age)), rng.uniform() < 0.06))
    return posts


def _caption(rng: np.random.Generator, scene: str, friends: list[str], used: set[str]) -> str:
    """A caption that the author has not used yet. It mentions a friend if it contains `{friend}`."""
    choices = [caption for caption in CAPTIONS[scene] if friends or "{friend}" not in caption]
    template = choices[int(rng.integers(len(choices)))]
    caption = template.format(friend=friends[int(rng.integers(len(friends)))] if friends else "")
    if caption in used:
        caption = f"{caption} Roll {len(used) // 36 + 1}, frame {len(used) % 36 + 1}."
    used.add(caption)
    return caption


def _add_reactions(
    rng: np.random.Generator, plan: Plan, posts: Iterable[int], *, likes: float, comments: float
) -> None:
    """Add likes and comments by followers of the authors, and replies of the authors to some comments."""
    followers_of: dict[str, list[str]] = defaultdict(list)
    for follow in plan.follows:
        if follow.accepted:
            followers_of[follow.followed].append(follow.follower)
    for post in posts:
        author = plan.posts[post].author
        appeal = rng.uniform(0.3, 1.3)
        for follower in followers_of[author]:
            if rng.uniform() < likes * appeal:
                plan.likes.append((post, follower))
            if rng.uniform() < comments * appeal:
                comment = PlannedComment(post, follower, COMMENTS[int(rng.integers(len(COMMENTS)))])
                plan.comments.append(comment)
                if rng.uniform() < 0.4:
                    plan.comments.append(
                        PlannedComment(post, author, REPLIES[int(rng.integers(len(REPLIES)))], comment)
                    )
