"""Work for the moderators of the demo world: reports that wait, a wave of spam, an appeal, and a month behind them."""

import itertools
import secrets
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.ids import new_id_at
from apps.engagement import comments as engagement
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.models import Category, Flag, ModerationAction, TargetType

SPAMMER = "best.deals"
DAYS_BEHIND = 30
# Whose photographs the README's tour goes to.
SHOWN_FIRST = {"alice", "bob", "carol"}
REPORTS = [
    (Category.NUDITY, "My children see this."),
    (Category.INTELLECTUAL_PROPERTY, "This is my photograph. I can show the raw file."),
    (Category.HARASSMENT, "They make fun of my sister under every post."),
    (Category.VIOLENCE, ""),
    (Category.OTHER, "The place is wrong, it is not Iceland."),
    (Category.IMPERSONATION, "She pretends to be somebody she is not."),
]
OFFERS = [
    "Original watches, 90 % off: watches.example.com",
    "Nice! Follow for follow? watches.example.com",
    "Earn from home, ask me how: watches.example.com",
]


@transaction.atomic
def file(rng: np.random.Generator, *, moderators: Sequence[User], past: int) -> None:
    """All of it, or nothing if anybody has reported anything. `past` reports lie decided behind the moderators."""
    if Flag.objects.exists():
        return
    people = list(User.objects.exclude(pk__in=[moderator.pk for moderator in moderators]).order_by("id"))
    posts = list(
        Post.objects.filter(visibility=Post.Visibility.PUBLIC, author__is_private=False)
        .order_by("id")
        .select_related("author")
    )
    _let_a_month_pass(rng, people, posts, moderators, past)
    _report_photographs(rng, people, posts)
    _spam(people, posts)
    _appeal(posts, moderators)


def _report_photographs(rng: np.random.Generator, people: list[User], posts: list[Post]) -> None:
    """The first by many, the last by one."""
    newest = posts[::-1][: len(REPORTS)]
    for (category, note), post, reporters in zip(REPORTS, newest, range(len(REPORTS), 0, -1), strict=False):
        others = [person for person in people if person.pk != post.author_id]
        for number in rng.permutation(len(others))[:reporters]:
            services.flag(post, by=others[int(number)].pk, category=category, note=note)


def _spam(people: list[User], posts: list[Post]) -> None:
    """Somebody who came today leaves the same few lines under everybody's photographs, and is reported for some."""
    spammer = accounts.sign_up(
        handle=SPAMMER,
        email=f"{SPAMMER}@example.org",
        password=secrets.token_urlsafe(24),
        display_name="Best Deals ⌚",
    )
    lines: list[Comment] = [
        engagement.comment(post.pk, by=spammer.pk, text=offer)
        for post, offer in zip(posts[-12:], itertools.cycle(OFFERS), strict=False)
    ]
    for line, reporter in zip(lines, itertools.cycle(people), strict=False):
        services.flag(line, by=reporter.pk, category=Category.SPAM)


def _appeal(posts: list[Post], moderators: Sequence[User]) -> None:
    """An old photograph is taken down, and its author objects."""
    post = next(post for post in posts if post.author.handle not in SHOWN_FIRST)
    taken = services.take_down_post(
        post, by=moderators[0], reason="Looks like a frame of a film.", category=Category.INTELLECTUAL_PROPERTY
    )
    services.appeal(taken, by=post.author_id, text="I took it myself, from my own balcony. The raw file is here.")


def _let_a_month_pass(
    rng: np.random.Generator, people: list[User], posts: list[Post], moderators: Sequence[User], past: int
) -> None:
    """Reports that were decided, and what was decided, in bulk: the moments lie in the past, where no verb writes."""
    flags, decisions = [], []
    for number in range(past):
        reported = timezone.now() - timedelta(days=float(rng.uniform(0.5, DAYS_BEHIND)))
        decided = reported + timedelta(minutes=float(rng.gamma(2, 90)))
        post, moderator = posts[int(rng.integers(len(posts)))], moderators[number % len(moderators)]
        reporter = people[int(rng.integers(len(people)))]
        if reporter.pk == post.author_id:
            continue
        found = rng.uniform() < 0.4
        category = list(Category)[int(rng.integers(len(Category)))]
        flag = Flag(
            id=new_id_at(reported),
            created_at=reported,
            reporter=reporter,
            target_type=TargetType.POST,
            target_id=post.pk,
            subject_id=post.author_id,
            category=category,
            status=Flag.Status.RESOLVED if found else Flag.Status.DISMISSED,
            resolution_note="Spoken with the author." if found else "Within the rules.",
            resolved_by=moderator,
            resolved_at=decided,
        )
        flags.append(flag)
        decisions.append(
            ModerationAction(
                id=new_id_at(decided),
                created_at=decided,
                actor=moderator,
                action=ModerationAction.Action.RESOLVE_FLAG if found else ModerationAction.Action.DISMISS_FLAG,
                target_type=TargetType.POST,
                target_id=post.pk,
                case_id=flag.pk,
                reason=flag.resolution_note,
                category=category,
            )
        )
    Flag.objects.bulk_create(flags, batch_size=1000)
    ModerationAction.objects.bulk_create(decisions, batch_size=1000)
