"""The demo world on paper: who, what, when; the same for the same seed and size. Touches no database."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from demo.people import CAST, Person, townspeople
from demo.photographs import SCENES
from demo.words import ALT_TEXTS, CAPTIONS, REMARKS, REPLIES

CAST_POSTS = 34
CAST_PHOTOGRAPHS = 40
# Photographs that many townspeople post are smaller: their copies are what fills the disk.
SHARED_LONGEST = 1280
AVATAR_LONGEST = 640


@dataclass(frozen=True)
class Size:
    """How many people, posts and shared photographs there are besides the cast's."""

    townspeople: int
    posts: int
    shared_photographs: int


SIZES = {"small": Size(0, 0, 0), "medium": Size(townspeople=288, posts=1466, shared_photographs=80)}


@dataclass(frozen=True)
class Shot:
    """A photograph to be taken. Equal shots are one file."""

    scene: str
    seed: int
    longest: int | None = None
    square: bool = False

    @property
    def alt_text(self) -> str:
        return ALT_TEXTS[self.scene]


@dataclass(frozen=True)
class Tie:
    follower: str
    followed: str
    accepted: bool = True


@dataclass(frozen=True)
class PlannedPost:
    """`age` is how long before now it was posted. No author has two posts with one caption."""

    author: str
    shots: tuple[Shot, ...]
    caption: str
    age: timedelta
    followers_only: bool = False


@dataclass(frozen=True)
class Remark:
    """A comment on post number `post`, or with `reply_to` a reply to another one."""

    post: int
    author: str
    text: str
    reply_to: "Remark | None" = None


@dataclass
class Plan:
    people: list[Person] = field(default_factory=list)
    avatars: dict[str, Shot] = field(default_factory=dict)
    ties: list[Tie] = field(default_factory=list)
    posts: list[PlannedPost] = field(default_factory=list)
    likes: list[tuple[int, str]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def small(seed: int) -> Plan:
    """The cast alone: a dozen people, forty photographs."""
    rng = np.random.default_rng([seed, 1])
    plan = Plan(people=list(CAST))
    for number, person in enumerate(CAST):
        scene = person.scenes[0]
        plan.avatars[person.handle] = Shot(scene, seed * 1000 + 500 + number, AVATAR_LONGEST, square=True)
    plan.ties = _ties(rng, CAST, CAST, few=3, many=9)
    _tie_the_cast(plan)
    _let_the_cast_post(rng, plan, seed)
    _let_them_talk(rng, plan, range(len(plan.posts)), likes=0.85, remarks=0.25)
    return plan


def town(seed: int, size: Size) -> Plan:
    """The people around the cast. Its ties may lead to the cast; likes and remarks are of its own posts."""
    rng = np.random.default_rng([seed, 2])
    people = list(townspeople(rng, size.townspeople, list(SCENES)))
    plan = Plan(people=people)
    pool = [
        Shot(scene, seed * 1000 + 700 + number, SHARED_LONGEST)
        for number, scene in zip(range(size.shared_photographs), _round_robin(SCENES), strict=False)
    ]
    portraits = [
        Shot(scene, seed * 1000 + 900 + number, AVATAR_LONGEST, square=True)
        for number, scene in zip(range(24), _round_robin(SCENES), strict=False)
    ]
    for person in people:
        if rng.uniform() < 0.7:
            plan.avatars[person.handle] = portraits[int(rng.integers(len(portraits)))]
    plan.ties = _ties(rng, people, [*CAST, *people], few=8, many=80)
    plan.posts = _posts_of_the_town(rng, plan, pool, size.posts)
    _let_them_talk(rng, plan, range(len(plan.posts)), likes=0.45, remarks=0.06)
    return plan


def _round_robin(scenes: Iterable[str]) -> Iterable[str]:
    names = list(scenes)
    while True:
        yield from names


def _ties(
    rng: np.random.Generator, followers: list[Person], followed: list[Person], *, few: int, many: int
) -> list[Tie]:
    """Everybody follows a few to many others, the renowned more often than not: followers fall off by a power law."""
    renown = np.array([person.renown for person in followed])
    ties = []
    for person in followers:
        weights = np.where([other.handle == person.handle for other in followed], 0, renown)
        count = min(int(few + rng.pareto(1.6) * few), many, len(followed) - 1)
        chosen = rng.choice(len(followed), size=count, replace=False, p=weights / weights.sum())
        ties += [Tie(person.handle, followed[int(number)].handle) for number in sorted(chosen)]
    return ties


def _tie_the_cast(plan: Plan) -> None:
    """What a first look should find whatever the seed: bob follows alice, both know carol, somebody waits for her."""
    certain = [
        Tie("bob", "alice"),
        Tie("alice", "bob"),
        Tie("alice", "carol"),
        Tie("bob", "carol"),
        Tie("carol", "alice"),
        Tie("marisol", "carol", accepted=False),
        Tie("emre_k", "carol", accepted=False),
    ]
    pairs = {(tie.follower, tie.followed) for tie in certain}
    plan.ties = certain + [tie for tie in plan.ties if (tie.follower, tie.followed) not in pairs]


def _let_the_cast_post(rng: np.random.Generator, plan: Plan, seed: int) -> None:
    extra = CAST_PHOTOGRAPHS - CAST_POSTS
    photographs = [
        2 if number % (CAST_POSTS // extra) == 1 and number // (CAST_POSTS // extra) < extra else 1
        for number in range(CAST_POSTS)
    ]
    said: dict[str, set[str]] = defaultdict(set)
    ages = np.sort(rng.uniform(0.2, 45, CAST_POSTS))[::-1]
    taken = 0
    for number, (count, age) in enumerate(zip(photographs, ages, strict=True)):
        author = CAST[number % len(CAST)]
        scene = author.scenes[int(rng.integers(len(author.scenes)))]
        shots = tuple(Shot(scene, seed * 1000 + taken + step) for step in range(count))
        taken += count
        friends = [tie.follower for tie in plan.ties if tie.followed == author.handle and tie.accepted]
        caption = _caption(rng, scene, friends, said[author.handle])
        followers_only = number % 11 == 5
        plan.posts.append(PlannedPost(author.handle, shots, caption, timedelta(days=float(age)), followers_only))


def _posts_of_the_town(rng: np.random.Generator, plan: Plan, pool: list[Shot], count: int) -> list[PlannedPost]:
    eagerness = np.minimum(rng.pareto(1.5, len(plan.people)) + 0.2, 6)
    authors = rng.choice(len(plan.people), size=count, p=eagerness / eagerness.sum())
    ages = np.sort(rng.uniform(0.1, 60, count))[::-1]
    followers_of: dict[str, list[str]] = defaultdict(list)
    for tie in plan.ties:
        followers_of[tie.followed].append(tie.follower)
    said: dict[str, set[str]] = defaultdict(set)
    posts = []
    for number, age in zip(authors, ages, strict=True):
        author = plan.people[int(number)]
        liked_scenes = [shot for shot in pool if shot.scene in author.scenes]
        shot = liked_scenes[int(rng.integers(len(liked_scenes)))]
        caption = _caption(rng, shot.scene, followers_of[author.handle], said[author.handle])
        posts.append(PlannedPost(author.handle, (shot,), caption, timedelta(days=float(age)), rng.uniform() < 0.06))
    return posts


def _caption(rng: np.random.Generator, scene: str, friends: list[str], said: set[str]) -> str:
    """A caption the author has not used before; a friend is mentioned where the caption has a place for one."""
    choices = [caption for caption in CAPTIONS[scene] if friends or "{friend}" not in caption]
    template = choices[int(rng.integers(len(choices)))]
    caption = template.format(friend=friends[int(rng.integers(len(friends)))] if friends else "")
    if caption in said:
        caption = f"{caption} Roll {len(said) // 36 + 1}, frame {len(said) % 36 + 1}."
    said.add(caption)
    return caption


def _let_them_talk(rng: np.random.Generator, plan: Plan, posts: Iterable[int], *, likes: float, remarks: float) -> None:
    """Likes and remarks by followers of the author, who may see everything of theirs; some are answered."""
    followers_of: dict[str, list[str]] = defaultdict(list)
    for tie in plan.ties:
        if tie.accepted:
            followers_of[tie.followed].append(tie.follower)
    for post in posts:
        author = plan.posts[post].author
        appeal = rng.uniform(0.3, 1.3)
        for follower in followers_of[author]:
            if rng.uniform() < likes * appeal:
                plan.likes.append((post, follower))
            if rng.uniform() < remarks * appeal:
                remark = Remark(post, follower, REMARKS[int(rng.integers(len(REMARKS)))])
                plan.remarks.append(remark)
                if rng.uniform() < 0.4:
                    plan.remarks.append(Remark(post, author, REPLIES[int(rng.integers(len(REPLIES)))], remark))
