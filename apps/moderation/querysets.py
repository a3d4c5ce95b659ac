"""Read rules of moderation."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.apps import apps
from django.db.models import (
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.ids import first_id_at
from apps.engagement.models import Comment

if TYPE_CHECKING:
    from apps.moderation.models import (  # noqa: F401  (forward references)
        Appeal,
        Flag,
        ModerationAction,
        OpenCase,
        StaffAct,
        SuspensionProposal,
        TeamNote,
    )


# The keys of `models.MEASURES`, which imports this file.
MEASURE_NAMES = ("takedown", "suspend", "mark_sensitive", "limit_reach", "warn")


class FlagQuerySet(QuerySet["Flag"]):
    def open(self) -> Self:
        return self.filter(status="open")

    def open_on(self, target_ids: Collection[UUID]) -> Self:
        """The reports that a decision on these targets closes. A UUID identifies the type of the target, too."""
        return self.open().filter(target_id__in=target_ids)

    def listed(self) -> Self:
        """All reports, for moderators, with the rules that they name."""
        return self.select_related("rule_version")

    def made_by(self, user_id: UUID) -> Self:
        """The reports of this user, whatever happened to their targets, with the rules that they name."""
        return self.filter(reporter=user_id).select_related("rule_version")

    def others_about(self, people: Collection[UUID], *, than: Collection[UUID]) -> Self:
        """The open reports about these people and their content, except those about the targets `than`."""
        return self.open().filter(subject__in=people).exclude(target_id__in=than)


class CaseQuerySet(QuerySet["OpenCase"]):
    def with_details(self) -> "QuerySet[Any]":
        """With handle, state and followers of the subject, the moderator who holds the claim (`holder`), and whether
        a suspension of the subject is proposed."""
        now = timezone.now()
        claims: Any = apps.get_model("moderation", "Claim")._default_manager.filter(
            target_type=OuterRef("target_type"), target_id=OuterRef("target_id"), expires_at__gt=now
        )
        proposals: Any = apps.get_model("moderation", "SuspensionProposal")._default_manager.all()
        rows: Any = self
        detailed: QuerySet[Any] = rows.annotate(
            handle=F("subject__handle"),
            state=F("subject__state"),
            followers=F("subject__follower_count"),
            holder=Subquery(claims.values("moderator__handle")),
            holder_id=Subquery(claims.values("moderator_id")),
            proposed=Exists(proposals.waiting().filter(person=OuterRef("subject"))),
        )
        return detailed


class ActionQuerySet(QuerySet["ModerationAction"]):
    def matching(self, *, since: datetime | None = None, until: datetime | None = None, **values: Any) -> Self:
        """Actions with these values, from `since` on and before `until`. None is no condition."""
        return self.between(since, until).filter(**_given(values))

    def between(self, since: datetime | None, until: datetime | None) -> Self:
        """From `since` on, and before `until`."""
        return self.filter(_created(since, until))

    def affecting(self, person_id: UUID) -> Self:
        return self.filter(affected_id=person_id)

    def on(self, target_type: str, target_id: UUID) -> Self:
        return self.filter(target_type=target_type, target_id=target_id)

    def first_rows(self) -> Self:
        """One row for each decision: without the rows whose first row is among these as well."""
        return self.filter(Q(part_of_id=None) | ~Exists(self.order_by().filter(pk=OuterRef("part_of_id"))))

    def of_decision(self, first_id: UUID) -> Self:
        """All rows of the decision with this first row."""
        return self.filter(Q(pk=first_id) | Q(part_of_id=first_id))

    def with_reports_closed(self) -> Self:
        """`closed`: the number of reports that other rows of the same decision closed."""
        parts = self.model._default_manager.filter(part_of_id=OuterRef("pk")).order_by()
        counted = parts.values("part_of_id").annotate(number=Count("pk")).values("number")
        rows: Any = self
        annotated: Self = rows.annotate(closed=Coalesce(Subquery(counted), 0))
        return annotated

    def in_force(self) -> Self:
        """Measures that nothing has undone or replaced."""
        return self.filter(action__in=MEASURE_NAMES, reversal__isnull=True)

    def with_occasion(self) -> Self:
        """`reported`: whether the target had been reported before the action (a notice), or the action is the first row
        of a decision that closed reports, such as a suspension for a post.

        Reports are deleted with the account that they are about, but the audit keeps the decisions on them; so both are
        looked up.
        """
        same = {"target_type": OuterRef("target_type"), "target_id": OuterRef("target_id")}
        flags: Any = apps.get_model("moderation", "Flag")._default_manager.filter(
            created_at__lte=OuterRef("created_at")
        )
        closed = self.model._default_manager.filter(action="resolve_flag", **same)
        rows: Any = self
        annotated: Self = rows.annotate(
            reported=Exists(flags.filter(**same))
            | Exists(closed.filter(case_id__lte=OuterRef("pk")))
            | Exists(self.model._default_manager.filter(action="resolve_flag", part_of_id=OuterRef("pk")))
        )
        return annotated

    def with_excerpt(self) -> Self:
        """`excerpt`: the caption or the comment that the action is about; empty if it was deleted."""
        posts = Post.objects.filter(pk=OuterRef("target_id")).values("caption")
        comments = Comment.objects.filter(pk=OuterRef("target_id")).values("text")
        rows: Any = self
        annotated: Self = rows.annotate(excerpt=Coalesce(Subquery(posts), Subquery(comments), Value("")))
        return annotated

    def for_affected(self, user_id: UUID) -> Self:
        """The actions that affected the user, with all that their statements and appeals show."""
        rows = self.affecting(user_id).with_occasion().with_excerpt()
        return rows.select_related("reversal", "rule_version", "appeal")

    def with_wait(self) -> Self:
        """`waited`: the time from the oldest report of the target that was open at the decision to the decision.

        A report that was closed within the minute before counts as open: it was closed with the decision.
        """
        open_then = Q(resolved_at=None) | Q(resolved_at__gte=OuterRef("created_at") - timedelta(minutes=1))
        flags: Any = apps.get_model("moderation", "Flag")._default_manager.filter(
            open_then,
            target_id=OuterRef("target_id"),
            target_type=OuterRef("target_type"),
            created_at__lte=OuterRef("created_at"),
        )
        oldest = flags.order_by("created_at").values("created_at")[:1]
        waited = ExpressionWrapper(F("created_at") - Subquery(oldest), output_field=DurationField())
        rows: Any = self
        annotated: Self = rows.annotate(waited=waited)
        return annotated

    def with_outcome(self) -> Self:
        """With the actor, None once erased, the rule, and the action that undid or replaced this one."""
        return self.select_related("reversal", "rule_version").prefetch_related(_users("actor"))


class StaffActQuerySet(QuerySet["StaffAct"]):
    def matching(self, *, since: datetime | None = None, until: datetime | None = None, **values: Any) -> Self:
        """Acts with these values, from `since` on and before `until`. None is no condition."""
        return self.filter(_created(since, until), **_given(values))

    def with_actor(self) -> Self:
        """With the actor, None once erased."""
        return self.prefetch_related(_users("actor"))


class AppealQuerySet(QuerySet["Appeal"]):
    def with_action(self) -> Self:
        """With the appellant, the moderator who decided, and the action with its outcome."""
        rows = self.select_related(
            "appellant__avatar", "decided_by__avatar", "action__reversal", "action__rule_version"
        )
        return rows.prefetch_related(_users("action__actor"))

    def listed_for(self, moderator_id: UUID) -> Self:
        """All appeals, for moderators, except objections of reporters to decisions about this moderator: reporters are
        confidential."""
        flags: Any = apps.get_model("moderation", "Flag")._default_manager.filter(subject=moderator_id)
        about_them = Exists(flags.filter(pk=OuterRef("action__case_id")))
        return self.exclude(Q(action__action="dismiss_flag") & about_them)

    def decidable_by(self, moderator_id: UUID) -> Self:
        """Open appeals that are neither by this moderator nor against their actions, of those listed for them."""
        rows = self.listed_for(moderator_id).open()
        return rows.exclude(appellant=moderator_id).exclude(action__actor=moderator_id)

    def by_affected_users(self) -> Self:
        """Without the objections of reporters."""
        return self.exclude(action__action="dismiss_flag")

    def open(self) -> Self:
        return self.filter(status="open")

    def against(self, action_id: UUID) -> Self:
        """The appeal against an action: there is at most one."""
        return self.filter(action=action_id)


class TeamNoteQuerySet(QuerySet["TeamNote"]):
    def readable_by(self, reader_id: UUID) -> Self:
        """The notes that a moderator may read: all but those about the own account."""
        return self.exclude(person=reader_id)

    def about(self, person_id: UUID, *, reader_id: UUID) -> Self:
        """The notes about an account that the moderator may read."""
        return self.readable_by(reader_id).filter(person=person_id)

    def with_author(self) -> Self:
        """With the author, None once erased."""
        return self.select_related("author__avatar")


class ProposalQuerySet(QuerySet["SuspensionProposal"]):
    def waiting(self) -> Self:
        """Neither decided nor expired."""
        return self.filter(status="open", expires_at__gt=timezone.now())


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _created(since: datetime | None, until: datetime | None) -> Q:
    """A condition on the id, which begins with the time: a range of every index that ends with the id."""
    created = Q(id__gte=first_id_at(since)) if since else Q()
    return created & Q(id__lt=first_id_at(until)) if until else created


def _users(path: str) -> "Prefetch[Any]":
    """In a query of their own: filtered by actor, a join would leave out the rows of deleted accounts."""
    return Prefetch(path, User.objects.select_related("avatar"))
