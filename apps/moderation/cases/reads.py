"""The read side of cases: the queue, and everything that the page of a case shows.

A case is a target with open reports. The view `moderation_case` (model `OpenCase`) groups the reports and computes the
severity of each case:

    weight of the most severe category reported × reporters, each by their reliability × reach.

- The weights are in the view: categories that endanger lives or are crimes weigh most.
- A reporter counts (r + 1) / (r + d + 2), where r of their earlier reports were resolved and d dismissed. A new
  reporter, or one whose account is deleted, counts a half.
- The reach is 1 + log₁₀(1 + followers of the author + likes).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce, JSONObject
from django.utils import timezone

from apps.accounts.models import User
from apps.content.models import Post, PostMedia
from apps.core.db.queries import fetch, load
from apps.core.errors import NotFound
from apps.engagement.models import Comment
from apps.moderation.cases.blurring import is_unpleasant
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Flag, ModerationAction, OpenCase, ReasonTemplate, SuspensionProposal, TargetType

PAGE = 50
# Reports that the page of a case lists; the rest are counted.
REPORTS_SHOWN = 50
ACTIONS_SHOWN = 12
NEIGHBOURS = 3


# ── The queue ────────────────────────────────────────────────────────────────────────────────────────────
def list_cases(*, limit: int = PAGE, after: tuple[Decimal, UUID] | None = None, category: str = "") -> list[OpenCase]:
    """The open cases, most severe first; of two with the same severity the older one.

    `after` is the severity and the `first_flag_id` of the last case of the page before.
    """
    cases = OpenCase.objects.with_details().order_by("-severity", "first_flag_id")
    if category:
        cases = cases.filter(category=category)
    if after:
        severity, first_flag_id = after
        cases = cases.filter(Q(severity__lt=severity) | Q(severity=severity, first_flag_id__gt=first_flag_id))
    return list(cases[:limit])


def list_claimed_cases(moderator_id: UUID) -> list[OpenCase]:
    """The open cases that the moderator works on."""
    claimed = OpenCase.objects.with_details().filter(holder_id=moderator_id)
    return list(claimed.order_by("-severity", "first_flag_id"))


# ── One case ─────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Case:
    """The target of a case, which may be deleted (`row` is None), and its owner."""

    target: Target
    row: User | Post | Comment | None
    person: User

    def __str__(self) -> str:
        return f"{'account of' if self.target.type == TargetType.USER else f'{self.target.type} by'} {self.person}"

    @property
    def post(self) -> Post | None:
        """The post, or the post of the comment."""
        return self.row if isinstance(self.row, Post) else self.row.post if isinstance(self.row, Comment) else None


def find(target_type: str, target_id: UUID) -> Case:
    """The case of a target. Raises NotFound if the target neither exists nor was ever reported."""
    row = _row(target_type, target_id)
    person = row if isinstance(row, User) else row.author if row else None
    if person is None:  # deleted, or removed by its author
        flags = Flag.objects.filter(target_type=target_type, target_id=target_id).select_related("subject")
        flag = flags.first()
        if flag is None or flag.subject is None:
            raise NotFound
        row, person = None, flag.subject
    return Case(Target(target_type, target_id, person.pk), row, person)


def _row(target_type: str, target_id: UUID) -> User | Post | Comment | None:
    match target_type:
        case TargetType.USER:
            people = _people().exclude(state=User.State.ERASED)
            person: User | None = people.filter(pk=target_id).first()
            return person
        case TargetType.POST:
            posts = _posts()
            post: Post | None = posts.filter(pk=target_id).first()
            return post
        case TargetType.COMMENT:
            comments = _comments().annotate(
                earlier=ArraySubquery(_beside(id__lt=OuterRef("pk")).order_by("-id")[:NEIGHBOURS]),
                later=ArraySubquery(_beside(id__gt=OuterRef("pk")).order_by("id")[:NEIGHBOURS]),
            )
            comment: Comment | None = comments.filter(pk=target_id).first()
            return comment
    return None


def _people() -> Any:
    """`unpleasant`: whether to blur the avatar. Of posts and comments: whether to blur the photos of the post;
    `author_unpleasant`: the avatar of the author."""
    return User.objects.select_related("avatar").annotate(unpleasant=is_unpleasant(TargetType.USER))


def _posts() -> Any:
    return Post.objects.select_related("author__avatar").annotate(
        photos=_photos("pk"),
        unpleasant=is_unpleasant(TargetType.POST),
        author_unpleasant=is_unpleasant(TargetType.USER, "author_id"),
    )


def _comments() -> Any:
    """With the photos of the post."""
    return Comment.objects.select_related("author__avatar", "post__author").annotate(
        photos=_photos("post_id"),
        unpleasant=is_unpleasant(TargetType.POST, "post_id"),
        author_unpleasant=is_unpleasant(TargetType.USER, "author_id"),
    )


def _photos(post: str) -> ArraySubquery:
    """The photos of the post in the column `post`, in order."""
    items = PostMedia.objects.filter(post=OuterRef(post), medium__status="ready").order_by("position")
    return ArraySubquery(
        items.values(
            photo=JSONObject(
                id="medium_id",
                variants="medium__variants",
                private_secret="medium__private_secret",  # noqa: S106  (a column)
                public_secret="medium__public_secret",  # noqa: S106
                alt_text="medium__alt_text",
            )
        )
    )


def _beside(**where: Any) -> Any:
    """Comments in the same thread."""
    same = Comment.objects.filter(post=OuterRef("post_id"), removed_at=None, **where)
    return same.values(neighbour=JSONObject(handle="author__handle", text="text", taken_down_at="taken_down_at"))


def find_targets(rows: Iterable[OpenCase | ModerationAction]) -> dict[UUID, User | Post | Comment]:
    """The targets of cases or decisions, with their authors and photos, by id."""
    ids: dict[str, list[UUID]] = {name: [] for name in TargetType.values}
    for row in rows:
        ids[row.target_type].append(row.target_id)
    found: list[Any] = [
        *_people().filter(pk__in=ids[TargetType.USER]),
        *_posts().filter(pk__in=ids[TargetType.POST]),
        *_comments().filter(pk__in=ids[TargetType.COMMENT]),
    ]
    return {row.pk: row for row in found}


def list_reports(target: Target) -> list[Any]:
    """The newest open reports, with their reporters, rules and `total`, the number of all open reports.

    `resolved` and `dismissed` count the earlier reports of the reporter, and `reliability` is the percentage with which
    the severity counts them.
    """
    flags: Any = (
        Flag.objects.open_on([target.id]).filter(target_type=target.type).select_related("reporter", "rule_version")
    )
    counted = flags.annotate(
        resolved=_earlier_reports("resolved"), dismissed=_earlier_reports("dismissed"), total=Window(Count("pk"))
    )
    reports = list(counted.order_by("-id")[:REPORTS_SHOWN])
    for report in reports:
        report.reliability = round(100 * (report.resolved + 1) / (report.resolved + report.dismissed + 2))
    return reports


def _earlier_reports(status: str) -> Any:
    """How many reports of the same reporter were closed with this status."""
    closed = Flag.objects.filter(reporter=OuterRef("reporter"), status=status)
    return Coalesce(Subquery(closed.order_by().values("reporter").annotate(n=Count("pk")).values("n")), 0)


def list_past_actions(person_id: UUID) -> list[ModerationAction]:
    """The newest actions that affected the person."""
    return list(
        ModerationAction.objects.affecting(person_id)
        .select_related("actor", "reversal")
        .order_by("-id")[:ACTIONS_SHOWN]
    )


def list_measures_in_force(target: Target) -> list[ModerationAction]:
    """The measures in force on the target, newest first."""
    return list(ModerationAction.objects.on(target.type, target.id).in_force().order_by("-id")[:ACTIONS_SHOWN])


@dataclass(frozen=True)
class CaseContext:
    """A case for one moderator. `previous`, `next` and `most_severe` are other cases in the queue, as type/id."""

    severity: Decimal | None
    category: str | None
    previous: str | None
    next: str | None
    most_severe: str | None
    open_cases: int
    holder_id: UUID | None
    holder: str | None
    held_until: datetime | None
    flags_open: int
    flags_resolved: int
    flags_dismissed: int
    # Those that are not withdrawn.
    warnings: int
    proposal_id: UUID | None
    proposal_reason: str | None
    proposal_category: str | None
    proposal_until: datetime | None
    proposer_id: UUID | None
    proposer: str | None


def get_context(target: Target, *, moderator_id: UUID) -> CaseContext:
    """Cases that other moderators work on are not offered as `previous`, `next` or `most_severe`."""
    [context] = fetch(
        CaseContext,
        load("moderation/case_context"),
        now=timezone.now(),
        type=target.type,
        id=target.id,
        subject=target.person_id,
        moderator=moderator_id,
    )
    return context


def list_templates(decision: str) -> "QuerySet[ReasonTemplate]":
    """The reason templates for a decision, by title."""
    return ReasonTemplate.objects.filter(action=decision).order_by("title")


def find_proposal(proposal_id: UUID) -> SuspensionProposal:
    """Raises NotFound."""
    proposal = SuspensionProposal.objects.filter(pk=proposal_id).first()
    if proposal is None:
        raise NotFound
    return proposal


# ── Reports about an account ─────────────────────────────────────────────────────────────────────────────
def count_other_reports(people: Collection[UUID], *, than: Collection[UUID]) -> dict[str, int]:
    """The open reports about these people and their content, except those about the targets `than`, by category."""
    reports: Any = Flag.objects.others_about(people, than=than)
    counted = reports.order_by().values_list("category").annotate(number=Count("pk"))
    return dict(counted.order_by("-number", "category"))


def list_handles(people: Collection[UUID]) -> list[str]:
    return list(User.objects.filter(pk__in=people).order_by("handle").values_list("handle", flat=True))


# ── Many at once ─────────────────────────────────────────────────────────────────────────────────────────
def find_owned_targets(places: Sequence[tuple[str, UUID]]) -> list[Target]:
    """The targets (type, id) with their owners, in the same order. Unknown ones are left out.

    The owner of a deleted target is known from its open reports.
    """
    ids = [pk for _, pk in places]
    reported: Any = Flag.objects.open_on(ids).values_list("target_id", "subject_id")
    owners: dict[UUID, UUID | None] = dict(reported)
    owners |= dict(Post.objects.filter(pk__in=ids).values_list("pk", "author_id"))
    owners |= dict(Comment.objects.filter(pk__in=ids, removed_at=None).values_list("pk", "author_id"))
    owners |= {pk: pk for pk in User.objects.filter(pk__in=ids).values_list("pk", flat=True)}
    return [Target(kind, pk, person_id) for kind, pk in places if (person_id := owners.get(pk))]


def list_recent_posts(person_id: UUID, *, since: UUID, limit: int) -> list[Target]:
    """The newest posts, then comments, of the person that are not taken down, with ids from `since` on."""
    posts = Post.objects.written_by(person_id).filter(id__gte=since, taken_down_at=None).order_by("-id")
    comments = Comment.objects.published().filter(author=person_id, id__gte=since).order_by("-id")
    found = [Target(TargetType.POST, pk, person_id) for pk in posts.values_list("pk", flat=True)[:limit]]
    found += [Target(TargetType.COMMENT, pk, person_id) for pk in comments.values_list("pk", flat=True)[:limit]]
    return found[:limit]
