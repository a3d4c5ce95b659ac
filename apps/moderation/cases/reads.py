"""The desk's read side: open reports grouped by what they are about, the worst first, and all there is to know of one.

A case is a target that somebody has reported. Its severity is

    weight of the worst category reported × reporters, each by how reliable they have been × reach.

- The weights are `WEIGHTS`: what may cost a life or is a crime comes before what annoys.
- A reporter counts (r + 1) / (r + d + 2), where r of their earlier reports were resolved and d dismissed: who is new
  counts a half, who was always right nearly one, who reports in bad faith nearly nothing. So does a reporter whose
  account is gone count a half.
- The reach is 1 + log₁₀(1 + followers of the author + likes).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Sum
from django.db.models.functions import JSONObject
from django.utils import timezone

from apps.accounts.models import Session, User
from apps.content.models import Post, PostMedia
from apps.core.db.ids import moment_of
from apps.core.db.statements import select
from apps.core.errors import NotFound
from apps.engagement.models import Comment
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Category, Decision, Flag, TargetType
from apps.moderation.services import takes_two

WEIGHTS = {
    Category.SELF_HARM: 10,
    Category.ILLEGAL: 9,
    Category.VIOLENCE: 8,
    Category.HATE: 7,
    Category.HARASSMENT: 6,
    Category.NUDITY: 5,
    Category.IMPERSONATION: 4,
    Category.INTELLECTUAL_PROPERTY: 3,
    Category.SPAM: 2,
    Category.OTHER: 1,
}
PAGE = 50
# Reports that a case's page tells one by one; the rest are counted.
REPORTS_SHOWN = 50
ACTIONS_SHOWN = 12
NEIGHBOURS = 3

# `flag_case`: every open case. Read from the index `open_flags_by_target`; reporters' earlier reports from
# `closed_flags_by_reporter`.
_CASES = f"""
weight (category, weight) AS (VALUES {", ".join(f"('{name}', {weight})" for name, weight in WEIGHTS.items())}),
reporter AS (
    SELECT reporting.reporter_id, earlier.reliability
    FROM (SELECT DISTINCT reporter_id FROM moderation_flag WHERE status = 'open') AS reporting, LATERAL (
        SELECT (count(*) FILTER (WHERE status = 'resolved') + 1.0) / (count(*) + 2) AS reliability
        FROM moderation_flag WHERE reporter_id = reporting.reporter_id AND status <> 'open'
    ) AS earlier
),
grouped AS (
    SELECT target_type, target_id, (array_agg(subject_id))[1] AS subject_id, (array_agg(id ORDER BY id))[1] AS first,
           (array_agg(category ORDER BY weight DESC, id))[1] AS category, max(weight) AS weight,
           count(*) AS reporters, sum(coalesce(reliability, 0.5)) AS believed
    FROM moderation_flag JOIN weight USING (category) LEFT JOIN reporter USING (reporter_id)
    WHERE status = 'open'
    GROUP BY target_type, target_id
),
flag_case AS (
    SELECT grouped.target_type, grouped.target_id, grouped.subject_id, grouped.first, grouped.category,
           grouped.reporters, person.handle, person.follower_count,
           round(weight * believed * (1 + log((1 + person.follower_count
               + coalesce(post.like_count, remark.like_count, 0))::numeric)), 4) AS severity
    FROM grouped
    JOIN accounts_user person ON person.id = grouped.subject_id
    LEFT JOIN content_post post ON grouped.target_type = 'post' AND post.id = grouped.target_id
    LEFT JOIN engagement_comment remark ON grouped.target_type = 'comment' AND remark.id = grouped.target_id
)"""  # noqa: S608  (names and constants of ours)

_QUEUE = f"""
WITH {_CASES},
page AS (
    SELECT * FROM flag_case
    WHERE (%(category)s = '' OR category = %(category)s)
      AND (%(severity)s::numeric IS NULL OR severity < %(severity)s OR (severity = %(severity)s AND first > %(first)s))
    ORDER BY severity DESC, first LIMIT %(limit)s
)
SELECT page.target_type, page.target_id, page.subject_id, page.first, page.category, page.reporters, page.handle,
       page.follower_count, page.severity, holder.handle, holder.id,
       EXISTS (SELECT FROM moderation_suspensionproposal
               WHERE person_id = page.subject_id AND status = 'open' AND expires_at > %(now)s)
FROM page
LEFT JOIN moderation_claim claim ON claim.target_type = page.target_type AND claim.target_id = page.target_id
    AND claim.expires_at > %(now)s
LEFT JOIN accounts_user holder ON holder.id = claim.moderator_id
ORDER BY page.severity DESC, page.first
"""  # noqa: S608  (names and constants of ours)

# Who works on the case; its place in the queue among those that are nobody else's; what was reported of the person.
_STANDING = f"""
WITH {_CASES},
free AS (
    SELECT flag_case.*, flag_case.target_type = %(type)s AND flag_case.target_id = %(id)s AS this
    FROM flag_case
    WHERE (flag_case.target_type = %(type)s AND flag_case.target_id = %(id)s) OR NOT EXISTS (
        SELECT FROM moderation_claim claim
        WHERE claim.target_type = flag_case.target_type AND claim.target_id = flag_case.target_id
          AND claim.expires_at > %(now)s AND claim.moderator_id <> %(by)s)
),
placed AS (
    SELECT this, severity, target_type || '/' || target_id AS here,
           lag(target_type || '/' || target_id) OVER queue AS before,
           lead(target_type || '/' || target_id) OVER queue AS after
    FROM free WINDOW queue AS (ORDER BY severity DESC, first)
),
best AS (SELECT target_type || '/' || target_id AS here FROM free WHERE NOT this ORDER BY severity DESC, first LIMIT 1)
SELECT (SELECT severity FROM placed WHERE this), (SELECT before FROM placed WHERE this),
       (SELECT after FROM placed WHERE this), (SELECT here FROM best), (SELECT count(*) FROM flag_case),
       holder.id, holder.handle, claim.expires_at,
       (SELECT count(*) FROM moderation_flag WHERE subject_id = %(person)s AND status = 'open'),
       (SELECT count(*) FROM moderation_flag WHERE subject_id = %(person)s AND status = 'resolved'),
       (SELECT count(*) FROM moderation_flag WHERE subject_id = %(person)s AND status = 'dismissed'),
       EXISTS (SELECT FROM accounts_user person WHERE person.id = %(person)s AND (person.is_superuser OR EXISTS (
           SELECT FROM accounts_user_groups JOIN auth_group ON auth_group.id = group_id
           WHERE user_id = person.id AND name = 'admin'))),
       proposal.id, proposal.reason, proposal.category, proposal.expires_at, proposer.id, proposer.handle
FROM (SELECT) AS nothing
LEFT JOIN moderation_claim claim ON claim.target_type = %(type)s AND claim.target_id = %(id)s
    AND claim.expires_at > %(now)s
LEFT JOIN accounts_user holder ON holder.id = claim.moderator_id
LEFT JOIN moderation_suspensionproposal proposal ON proposal.person_id = %(person)s AND proposal.status = 'open'
    AND proposal.expires_at > %(now)s
LEFT JOIN accounts_user proposer ON proposer.id = proposal.proposed_by_id
"""  # noqa: S608  (names and constants of ours)

_REPORTS = """
SELECT flag.id, flag.category, flag.note, flag.created_at, person.handle, person.id,
       earlier.resolved, earlier.dismissed, count(*) OVER ()
FROM moderation_flag flag
LEFT JOIN accounts_user person ON person.id = flag.reporter_id
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status = 'resolved') AS resolved,
           count(*) FILTER (WHERE status = 'dismissed') AS dismissed
    FROM moderation_flag WHERE reporter_id = flag.reporter_id AND status <> 'open'
) AS earlier ON true
WHERE flag.status = 'open' AND flag.target_type = %(type)s AND flag.target_id = %(id)s
ORDER BY flag.id DESC LIMIT %(limit)s
"""

_RECORD = """
SELECT action.id, action.action, action.target_type, action.target_id, action.category, action.reason, action.until,
       action.created_at, actor.handle, reversal.created_at
FROM moderation_moderationaction action
LEFT JOIN accounts_user actor ON actor.id = action.actor_id
LEFT JOIN moderation_moderationaction reversal ON reversal.reverses_id = action.id
WHERE action.affected_id = %(person)s
ORDER BY action.id DESC LIMIT %(limit)s
"""


# ── The queue ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Queued:
    """A case in the queue; `first` is the id of its oldest open report."""

    target_type: str
    target_id: UUID
    subject_id: UUID
    first: UUID
    category: str
    reporters: int
    handle: str
    followers: int
    severity: Decimal
    holder: str | None
    holder_id: UUID | None
    proposed: bool

    @property
    def label(self) -> str:
        return Category(self.category).label

    @property
    def since(self) -> datetime:
        return moment_of(self.first)


def queue(*, limit: int = PAGE, after: tuple[Decimal, UUID] | None = None, category: str = "") -> list[Queued]:
    """Open cases, the most severe first, from behind `after` (severity, first) on; of two alike the older."""
    severity, first = after or (None, None)
    rows = select(_QUEUE, now=timezone.now(), limit=limit, severity=severity, first=first, category=category)
    return [Queued(*row) for row in rows]


# ── One case ─────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Case:
    """What was reported, as far as it is still there, and whose it is."""

    target: Target
    row: User | Post | Comment | None
    person: User

    def __str__(self) -> str:
        return f"{'account of' if self.target.type == TargetType.USER else f'{self.target.type} by'} {self.person}"

    @property
    def post(self) -> Post | None:
        """What is shown of it: itself, or what it is a comment on."""
        return self.row if isinstance(self.row, Post) else self.row.post if isinstance(self.row, Comment) else None


def find(target_type: str, target_id: UUID) -> Case:
    """Raises NotFound for what neither is there nor is reported any more."""
    row = _row(target_type, target_id)
    person = row if isinstance(row, User) else row.author if row else None
    if person is None:  # gone, or a tombstone
        flag = Flag.objects.filter(target_type=target_type, target_id=target_id).select_related("subject").first()
        if flag is None:
            raise NotFound
        row, person = None, flag.subject
    return Case(Target(target_type, target_id, person.pk), row, person)


def _row(target_type: str, target_id: UUID) -> User | Post | Comment | None:
    match target_type:
        case TargetType.USER:
            people = User.objects.select_related("avatar").exclude(state=User.State.ERASED)
            person: User | None = people.filter(pk=target_id).first()
            return person
        case TargetType.POST:
            posts = Post.objects.select_related("author__avatar").annotate(photos=_photos("pk"))
            post: Post | None = posts.filter(pk=target_id).first()
            return post
        case TargetType.COMMENT:
            comments = Comment.objects.select_related("author__avatar", "post__author").annotate(
                photos=_photos("post_id"),
                earlier=ArraySubquery(_beside(id__lt=OuterRef("pk")).order_by("-id")[:NEIGHBOURS]),
                later=ArraySubquery(_beside(id__gt=OuterRef("pk")).order_by("id")[:NEIGHBOURS]),
            )
            comment: Comment | None = comments.filter(pk=target_id).first()
            return comment
    return None


def _photos(post: str) -> ArraySubquery:
    """The photos of the post in the column `post`, in their order."""
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
    return same.values(remark=JSONObject(handle="author__handle", text="text", taken_down_at="taken_down_at"))


def thumbnails(rows: Sequence[Queued]) -> dict[UUID, User | Post | Comment]:
    """What the cases are about, with what a row of the queue shows of it, by id."""
    ids: dict[str, list[UUID]] = {name: [] for name in TargetType.values}
    for row in rows:
        ids[row.target_type].append(row.target_id)
    found: list[Any] = [
        *User.objects.select_related("avatar").filter(pk__in=ids[TargetType.USER]),
        *Post.objects.annotate(photos=_photos("pk")).filter(pk__in=ids[TargetType.POST]),
        *Comment.objects.select_related("post")
        .annotate(photos=_photos("post_id"))
        .filter(pk__in=ids[TargetType.COMMENT]),
    ]
    return {row.pk: row for row in found}


@dataclass(frozen=True)
class Report:
    id: UUID
    category: str
    note: str
    created_at: datetime
    reporter: str | None
    reporter_id: UUID | None
    resolved: int
    dismissed: int

    @property
    def label(self) -> str:
        return Category(self.category).label

    @property
    def reliability(self) -> int:
        """In hundredths, as the severity counts it."""
        return round(100 * (self.resolved + 1) / (self.resolved + self.dismissed + 2))


def reports(target: Target) -> tuple[list[Report], int]:
    """The newest open reports, with who made them, and how many there are in all."""
    rows = select(_REPORTS, type=target.type, id=target.id, limit=REPORTS_SHOWN)
    return [Report(*row[:-1]) for row in rows], rows[0][-1] if rows else 0


@dataclass(frozen=True)
class Deed:
    """An action that hit the person."""

    id: UUID
    action: str
    target_type: str
    target_id: UUID
    category: str
    reason: str
    until: datetime | None
    created_at: datetime
    actor: str | None
    reversed_at: datetime | None

    @property
    def label(self) -> str:
        return Category(self.category).label

    @property
    def can_be_undone(self) -> bool:
        return self.reversed_at is None and self.action in {"takedown", "suspend"}


def history(person_id: UUID) -> list[Deed]:
    """What was decided about the person, newest first."""
    return [Deed(*row) for row in select(_RECORD, person=person_id, limit=ACTIONS_SHOWN)]


@dataclass(frozen=True)
class Standing:
    """Where a case stands: `previous` and `next` are those beside it in the queue, as type/id."""

    severity: Decimal | None
    previous: str | None
    next: str | None
    best: str | None
    open_cases: int
    holder_id: UUID | None
    holder: str | None
    held_until: datetime | None
    flags_open: int
    flags_resolved: int
    flags_dismissed: int
    is_admins: bool
    proposal_id: UUID | None
    proposal_reason: str | None
    proposal_category: str | None
    proposal_until: datetime | None
    proposer_id: UUID | None
    proposer: str | None


def standing(target: Target, *, by: UUID) -> Standing:
    """As `by` meets it: cases that others work on are passed over."""
    row = select(_STANDING, now=timezone.now(), type=target.type, id=target.id, person=target.person_id, by=by)
    return Standing(*row[0])


# ── Many at once ─────────────────────────────────────────────────────────────────────────────────────────
def targets(places: Sequence[tuple[str, UUID]]) -> list[Target]:
    """Of (type, id), in that order; whose they are is said by the rows, or by the reports of what is gone."""
    ids = [pk for _, pk in places]
    owners: dict[UUID, UUID | None] = dict(Flag.objects.open_on(ids).values_list("target_id", "subject_id"))
    owners |= dict(Post.objects.filter(pk__in=ids).values_list("pk", "author_id"))
    owners |= dict(Comment.objects.filter(pk__in=ids, removed_at=None).values_list("pk", "author_id"))
    owners |= {pk: pk for pk in User.objects.filter(pk__in=ids).values_list("pk", flat=True)}
    return [Target(kind, pk, person_id) for kind, pk in places if (person_id := owners.get(pk))]


def posted_by(person_id: UUID, *, since: UUID, most: int) -> list[Target]:
    """What the person has posted that stands, the newest of it, from the id `since` on: posts, then comments."""
    posts = Post.objects.written_by(person_id).filter(id__gte=since, taken_down_at=None).order_by("-id")
    comments = Comment.objects.published().filter(author=person_id, id__gte=since).order_by("-id")
    found = [Target(TargetType.POST, pk, person_id) for pk in posts.values_list("pk", flat=True)[:most]]
    found += [Target(TargetType.COMMENT, pk, person_id) for pk in comments.values_list("pk", flat=True)[:most]]
    return found[:most]


# ── What a decision would do ─────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Effect:
    """What is hidden, ended, closed and told, if nothing changes until then."""

    cases: int = 0
    posts: int = 0
    comments: int = 0
    people: int = 0
    followers: int = 0
    sessions: int = 0
    flags: int = 0
    statements: int = 0
    # Of the cases: what they are about is no more.
    gone: int = 0
    # It needs a second pair of eyes, and does nothing yet.
    proposes: bool = False


def effect(targets: Sequence[Target], decision: str, *, until: datetime | None = None) -> Effect:
    """What `decision` on all of them would do, counted in as many queries for many as for one."""
    if decision == Decision.SUSPEND and takes_two(until):
        return Effect(cases=len(targets), people=len({target.person_id for target in targets}), proposes=True)
    flags = Flag.objects.open_on([target.id for target in targets]).count()
    match decision:
        case Decision.TAKE_DOWN:
            return _of_takedowns(targets, flags)
        case Decision.SUSPEND:
            return _of_suspensions(targets, flags)
    return Effect(cases=len(targets), flags=flags)


def _of_takedowns(targets: Sequence[Target], flags: int) -> Effect:
    """Comments vanish with the post they are on."""
    ids = [target.id for target in targets]
    posts = dict(Post.objects.filter(pk__in=ids).values_list("pk", "taken_down_at"))
    falling = {pk for pk, taken_down_at in posts.items() if taken_down_at is None}
    under = Post.objects.filter(pk__in=falling).aggregate(total=Sum("comment_count"))["total"] or 0
    comments = Comment.objects.filter(pk__in=ids, removed_at=None).values_list("taken_down_at", "post_id")
    own = [post_id for taken_down_at, post_id in comments if taken_down_at is None]
    return Effect(
        cases=len(targets),
        posts=len(falling),
        comments=under + sum(post_id not in falling for post_id in own),
        people=len({target.person_id for target in targets}),
        flags=flags,
        statements=len(falling) + len(own),
        gone=len(targets) - len(posts) - len(comments),
    )


def _of_suspensions(targets: Sequence[Target], flags: int) -> Effect:
    people = User.objects.filter(pk__in={target.person_id for target in targets}).exclude(state=User.State.ERASED)
    ids = [person.pk for person in people]
    hidden = [person for person in people if person.is_active]
    return Effect(
        cases=len(targets),
        posts=sum(person.post_count for person in hidden),
        comments=Comment.objects.published().filter(author__in=[person.pk for person in hidden]).count(),
        people=len(ids),
        followers=sum(person.follower_count for person in hidden),
        sessions=Session.objects.live().filter(user__in=ids).count(),
        flags=flags,
        statements=len(ids),
    )
