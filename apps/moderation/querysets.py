"""The read side of moderation."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.core.db.ids import first_id_at

if TYPE_CHECKING:
    from apps.moderation.models import (  # noqa: F401  (forward references)
        Appeal,
        Flag,
        ModerationAction,
        StaffAct,
        SuspensionProposal,
    )


class FlagQuerySet(QuerySet["Flag"]):
    def matching(self, *, status: str | None = None, category: str | None = None) -> "FlagQuerySet":
        rows = self.filter(status=status) if status else self
        return rows.filter(category=category) if category else rows

    def open_on(self, target_ids: Collection[UUID]) -> "FlagQuerySet":
        """The reports that a decision on these targets closes. Ids tell also of which type a target is."""
        return self.filter(status="open", target_id__in=target_ids)


@dataclass(frozen=True)
class Inquiry:
    """What the audit is asked: each is a condition unless it is None. From `since` on, and before `until`."""

    actor: UUID | None = None
    action: str | None = None
    target_type: str | None = None
    target_id: UUID | None = None
    category: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class ActionQuerySet(QuerySet["ModerationAction"]):
    def matching(self, asked: Inquiry) -> "ActionQuerySet":
        rows = self
        if asked.actor:
            rows = rows.filter(actor=asked.actor)
        if asked.action:
            rows = rows.filter(action=asked.action)
        if asked.target_type:
            rows = rows.filter(target_type=asked.target_type)
        if asked.target_id:
            rows = rows.filter(target_id=asked.target_id)
        if asked.category:
            rows = rows.filter(category=asked.category)
        return rows.between(asked.since, asked.until)

    def between(self, since: datetime | None, until: datetime | None) -> "ActionQuerySet":
        """From `since` on, and before `until`."""
        return self.filter(_made(since, until))

    def on(self, target_type: str, target_id: UUID) -> "ActionQuerySet":
        return self.filter(target_type=target_type, target_id=target_id)

    def in_force(self) -> "ActionQuerySet":
        """Takedowns and suspensions that nothing has undone or replaced."""
        return self.filter(action__in=["takedown", "suspend"], reversal__isnull=True)

    def with_occasion(self) -> "ActionQuerySet":
        """`reported`: whether somebody had reported the target before (a notice), or not (our own initiative). A report
        goes with the person it is about, what was decided on it stays in the audit: either is looked for."""
        same = {"target_type": OuterRef("target_type"), "target_id": OuterRef("target_id")}
        flags: Any = apps.get_model("moderation", "Flag")._default_manager.all()
        closed = self.model._default_manager.filter(action="resolve_flag", **same)
        rows: Any = self
        told: ActionQuerySet = rows.annotate(
            reported=Exists(flags.filter(created_at__lte=OuterRef("created_at"), **same))
            | Exists(closed.filter(case_id__lte=OuterRef("pk")))
        )
        return told

    def for_cards(self) -> "ActionQuerySet":
        """With the actor, None once erased, and the time at which the action was undone or replaced."""
        rows: Any = self.prefetch_related(_actors("actor"))
        shown: ActionQuerySet = rows.annotate(reversed_at=F("reversal__created_at"))
        return shown


@dataclass(frozen=True)
class TrailInquiry:
    """What the trail of staff is asked, likewise."""

    actor: UUID | None = None
    act: str | None = None
    subject_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class StaffActQuerySet(QuerySet["StaffAct"]):
    def matching(self, asked: TrailInquiry) -> "StaffActQuerySet":
        rows = self.filter(_made(asked.since, asked.until))
        if asked.actor:
            rows = rows.filter(actor=asked.actor)
        if asked.act:
            rows = rows.filter(act=asked.act)
        return rows.filter(subject_id=asked.subject_id) if asked.subject_id else rows

    def for_cards(self) -> "StaffActQuerySet":
        """With the actor, None once erased."""
        rows: Any = self.prefetch_related(_actors("actor"))
        shown: StaffActQuerySet = rows
        return shown


class AppealQuerySet(QuerySet["Appeal"]):
    def matching(self, *, status: str | None = None) -> "AppealQuerySet":
        return self.filter(status=status) if status else self

    def for_cards(self) -> "AppealQuerySet":
        """With the appellant, who decided, and what is appealed."""
        rows: Any = self.select_related("appellant__avatar", "decided_by__avatar", "action")
        shown: AppealQuerySet = rows.prefetch_related(_actors("action__actor")).annotate(
            action_reversed_at=F("action__reversal__created_at")
        )
        return shown


class ProposalQuerySet(QuerySet["SuspensionProposal"]):
    def waiting(self) -> "ProposalQuerySet":
        """For a second pair of eyes: neither decided nor expired."""
        return self.filter(status="open", expires_at__gt=timezone.now())


def _made(since: datetime | None, until: datetime | None) -> Q:
    """Ids begin with the time, so that a stretch of time is a stretch of whichever index gives the order."""
    made = Q(id__gte=first_id_at(since)) if since else Q()
    return made & Q(id__lt=first_id_at(until)) if until else made


def _actors(path: str) -> "Prefetch[Any]":
    """In a query of their own: a join would leave out the actions of who is gone, whose accounts nothing holds."""
    return Prefetch(path, User.objects.select_related("avatar"))
