"""Demo data for moderators: open reports, spam, an appeal, an objection, graded measures, and the decisions of the past
month."""

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
from apps.engagement.comments import comment as create_comment
from apps.engagement.models import Comment
from apps.moderation import notes, services, tags
from apps.moderation.appeals import objections
from apps.moderation.cases import measures
from apps.moderation.models import Category, Flag, ModerationAction, TargetType

SPAMMER = "best.deals"
PAST_DAYS = 30
# The README refers to their photos, so these are not taken down.
README_AUTHORS = {"alice", "bob", "carol"}
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
GRADED_MEASURES = [
    (
        measures.mark_sensitive,
        Category.VIOLENCE,
        "It shows injury or violence that some readers find disturbing.",
    ),
    (measures.limit_post, Category.OTHER, "Its hashtags have nothing to do with its content."),
]


@transaction.atomic
def create(rng: np.random.Generator, *, moderators: Sequence[User], past: int) -> None:
    """Create `past` decided reports and some open ones, unless there are reports already."""
    if Flag.objects.exists():
        return
    people = list(User.objects.exclude(pk__in=[moderator.pk for moderator in moderators]).order_by("id"))
    posts = list(
        Post.objects.filter(visibility=Post.Visibility.PUBLIC, author__is_private=False)
        .order_by("id")
        .select_related("author")
    )
    _create_past_reports(rng, people, posts, moderators, past)
    _report_photos(rng, people, posts)
    _create_spam(people, posts)
    _create_appeal(posts, moderators)
    _create_measures(posts, moderators)
    _create_objection(people, posts, moderators)


def _report_photos(rng: np.random.Generator, people: list[User], posts: list[Post]) -> None:
    """The first photo has the most reporters, the last one has one."""
    newest = posts[::-1][: len(REPORTS)]
    for (category, note), post, reporters in zip(REPORTS, newest, range(len(REPORTS), 0, -1), strict=False):
        others = [person for person in people if person.pk != post.author_id]
        for number in rng.permutation(len(others))[:reporters]:
            services.flag(post, by=others[int(number)].pk, category=category, note=note)


def _create_spam(people: list[User], posts: list[Post]) -> None:
    """A new account comments the same texts on many posts and is reported for some of them."""
    spammer = accounts.sign_up(
        handle=SPAMMER,
        email=f"{SPAMMER}@example.org",
        password=secrets.token_urlsafe(24),
        display_name="Best Deals ⌚",
    )
    comments: list[Comment] = [
        create_comment(post.pk, by=spammer.pk, text=offer)
        for post, offer in zip(posts[-12:], itertools.cycle(OFFERS), strict=False)
    ]
    for comment, reporter in zip(comments, itertools.cycle(people), strict=False):
        services.flag(comment, by=reporter.pk, category=Category.SPAM)


def _create_appeal(posts: list[Post], moderators: Sequence[User]) -> None:
    """A post is taken down, and its author appeals."""
    post = next(post for post in posts if post.author.handle not in README_AUTHORS)
    taken = services.take_down_post(
        post, by=moderators[0], reason="Looks like a frame of a film.", category=Category.INTELLECTUAL_PROPERTY
    )
    services.appeal(taken, by=post.author_id, text="I took it myself, from my own balcony. The raw file is here.")


def _create_measures(posts: list[Post], moderators: Sequence[User]) -> None:
    """Each graded measure, as far as there are posts, a team note and a hidden hashtag."""
    by, spammer = moderators[0], User.objects.get(handle=SPAMMER)
    others = [post for post in posts if post.author.handle not in README_AUTHORS and not post.author.is_staff]
    # The first one is taken down.
    for post, (measure, category, reason) in zip(others[1:], GRADED_MEASURES, strict=False):
        measure(post, by=by, category=category, reason=reason)
    warning = "Please do not advertise in comments. We may suspend the account if it happens again."
    measures.warn(spammer, by=by, category=Category.SPAM, reason=warning)
    notes.add(spammer, by=by, text="Sells the same watches as two accounts that we suspended in October.")
    tags.restrict("followforfollow", by=by, reason="Only used by accounts that post spam.", hidden=True)


def _create_objection(people: list[User], posts: list[Post], moderators: Sequence[User]) -> None:
    """A report is dismissed, and its reporter objects."""
    post = next(post for post in posts if not post.author.is_staff)
    reporter = next(person for person in people if person.pk != post.author_id)
    report, _ = services.flag(post, by=reporter.pk, category=Category.OTHER, note="The caption is wrong.")
    services.resolve_flag(report, by=moderators[0], resolution=Flag.Status.DISMISSED, note="Our rules allow mistakes.")
    objections.object_to(report, by=reporter.pk, text="It names a place that I know well. Please look again.")


def _create_past_reports(
    rng: np.random.Generator, people: list[User], posts: list[Post], moderators: Sequence[User], past: int
) -> None:
    """Create decided reports and their moderation actions in bulk, because services cannot create rows in the past."""
    flags, decisions = [], []
    for number in range(past):
        reported = timezone.now() - timedelta(days=float(rng.uniform(0.5, PAST_DAYS)))
        decided = reported + timedelta(minutes=float(rng.gamma(2, 90)))
        post, moderator = posts[int(rng.integers(len(posts)))], moderators[number % len(moderators)]
        reporter = people[int(rng.integers(len(people)))]
        if reporter.pk == post.author_id:
            continue
        upheld = rng.uniform() < 0.4
        category = list(Category)[int(rng.integers(len(Category)))]
        flag = Flag(
            id=new_id_at(reported),
            created_at=reported,
            reporter=reporter,
            target_type=TargetType.POST,
            target_id=post.pk,
            subject_id=post.author_id,
            category=category,
            status=Flag.Status.RESOLVED if upheld else Flag.Status.DISMISSED,
            resolution_note="Spoken with the author." if upheld else "Within the rules.",
            resolved_by=moderator,
            resolved_at=decided,
        )
        flags.append(flag)
        decisions.append(
            ModerationAction(
                id=new_id_at(decided),
                created_at=decided,
                actor=moderator,
                action=ModerationAction.Action.RESOLVE_FLAG if upheld else ModerationAction.Action.DISMISS_FLAG,
                target_type=TargetType.POST,
                target_id=post.pk,
                case_id=flag.pk,
                reason=flag.resolution_note,
                category=category,
            )
        )
    Flag.objects.bulk_create(flags, batch_size=1000)
    ModerationAction.objects.bulk_create(decisions, batch_size=1000)
