"""Read rules of moderation."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.apps import apps
from django.db.models import (
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
)
from django.utils import timezone

from apps.accounts.models import User
from apps.core.db.ids import first_id_at

if TYPE_CHECKING:
    from apps.moderation.models import (  # noqa: F401  (forward references)
        Appeal,
        Flag,
        ModerationAction,
        OpenCase,
        StaffAct,
        SuspensionProposal,
    )


class FlagQuerySet(QuerySet["Flag"]):
    def open(self) -> Self:
        return self.filter(status="open")

    def open_on(self, target_ids: Collection[UUID]) -> Self:
        """The reports that a decision on these targets closes. A UUID identifies the type of the target, too."""
        return self.open().filter(target_id__in=target_ids)

    def listed(self) -> Self:
        """All reports, for moderators."""
        return self.all()


class CaseQuerySet(QuerySet["OpenCase"]):
    def with_details(self) -> "QuerySet[Any]":
        """With the handle and the followers of the subject, the moderator who holds the claim (`holder`), and whether a
        suspension of the subject is proposed."""
        now = timezone.now()
        claims: Any = apps.get_model("moderation", "Claim")._default_manager.filter(
            target_type=OuterRef("target_type"), target_id=OuterRef("target_id"), expires_at__gt=now
        )
        proposals: Any = apps.get_model("moderation", "SuspensionProposal")._default_manager.all()
        rows: Any = self
        detailed: QuerySet[Any] = rows.annotate(
            handle=F("subject__handle"),
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

    def in_force(self) -> Self:
        """Takedowns and suspensions that nothing has undone or replaced."""
        return self.filter(action__in=["takedown", "suspend"], reversal__isnull=True)

    def with_occasion(self) -> Self:
        """`reported`: whether the target had been reported before the action (a notice).

        Reports are deleted with the account that they are about, but the audit keeps the decisions on them; so both are
        looked up.
        """
        same = {"target_type": OuterRef("target_type"), "target_id": OuterRef("target_id")}
        flags: Any = apps.get_model("moderation", "Flag")._default_manager.all()
        closed = self.model._default_manager.filter(action="resolve_flag", **same)
        rows: Any = self
        annotated: Self = rows.annotate(
            reported=Exists(flags.filter(created_at__lte=OuterRef("created_at"), **same))
            | Exists(closed.filter(case_id__lte=OuterRef("pk")))
        )
        return annotated

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
        """With the actor, None once erased, and the action that undid or replaced this one."""
        return self.select_related("reversal").prefetch_related(_users("actor"))


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
        rows = self.select_related("appellant__avatar", "decided_by__avatar", "action__reversal")
        return rows.prefetch_related(_users("action__actor"))

    def open(self) -> Self:
        return self.filter(status="open")


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
