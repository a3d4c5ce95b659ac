"""What a reporter learns about a report: that it was received, the decision and its reason, and the objection to it.

Articles 16(4), 16(5) and 20 of Regulation (EU) 2022/2065 (Digital Services Act) require this. The texts are in the
active language. They contain nothing about the reported account: neither its name nor which measure was taken, only
whether there was one, and on which ground.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.models import User
from apps.moderation.appeals.objections import can_object, get_objections, get_period_end
from apps.moderation.appeals.statements import StatementText, format_day
from apps.moderation.cases.policies import localize_reason
from apps.moderation.models import Appeal, Category, Flag, ModerationAction, TargetType
from apps.site.models import RuleVersion

Action = ModerationAction.Action
Status = Flag.Status

OUTCOMES = {
    Status.OPEN: gettext_lazy("We have received your report. Moderators review it."),
    Status.RESOLVED: gettext_lazy("We have acted on your report."),
    Status.DISMISSED: gettext_lazy("We have reviewed your report and taken no action."),
    Status.OBSOLETE: gettext_lazy("Your report is closed."),
}
GROUNDS = {
    Category.SPAM: gettext_lazy("Our rules do not allow spam."),
    Category.NUDITY: gettext_lazy("Our rules do not allow nudity and sexual content."),
    Category.VIOLENCE: gettext_lazy("Our rules do not allow violence, threats of violence or praise of it."),
    Category.HATE: gettext_lazy("Our rules do not allow hatred against groups of people."),
    Category.HARASSMENT: gettext_lazy("Our rules do not allow harassment."),
    Category.SELF_HARM: gettext_lazy("Our rules do not allow encouraging self-harm."),
    Category.ILLEGAL: gettext_lazy("We consider it illegal content."),
    Category.INTELLECTUAL_PROPERTY: gettext_lazy("We consider that it infringes intellectual property rights."),
    Category.IMPERSONATION: gettext_lazy("Our rules do not allow impersonation."),
    Category.OTHER: gettext_lazy("It breaks our rules."),
}
# For outcomes without a measure. The explanation of the moderator follows.
REASONS = {
    Status.RESOLVED: gettext_lazy("An earlier decision covers it."),
    Status.DISMISSED: gettext_lazy("We found nothing that breaks our rules or the law."),
    Status.OBSOLETE: gettext_lazy("The reported account no longer exists, so there was nothing left to decide."),
}
ABOUT = {
    TargetType.USER: gettext_lazy("Your report of an account, sent on %(day)s."),
    TargetType.POST: gettext_lazy("Your report of a post, sent on %(day)s."),
    TargetType.COMMENT: gettext_lazy("Your report of a comment, sent on %(day)s."),
}


@dataclass(frozen=True)
class OwnReport:
    """A report as its reporter sees it. `reason` is empty while it is open."""

    id: UUID
    target_type: str
    target_id: UUID | None
    category: str
    rule_version: RuleVersion | None
    note: str
    status: str
    created_at: datetime
    decided_at: datetime | None
    outcome: str
    reason: str
    may_object: bool
    object_until: datetime | None
    objection: Appeal | None


def describe(flags: Sequence[Flag], reporter_id: UUID) -> list[OwnReport]:
    """The reports of this reporter. In one query."""
    objections = get_objections([flag.pk for flag in flags], by=reporter_id)
    return [_describe(flag, objections.get(flag.pk)) for flag in flags]


def _describe(flag: Flag, objection: Appeal | None) -> OwnReport:
    may_object = can_object(flag, objection)
    return OwnReport(
        id=flag.pk,
        target_type=flag.target_type,
        target_id=flag.target_id,
        category=flag.category,
        rule_version=flag.rule_version,
        note=flag.note,
        status=flag.status,
        created_at=flag.created_at,
        decided_at=flag.resolved_at,
        outcome=str(OUTCOMES[Status(flag.status)]),
        reason=get_reason(flag),
        may_object=may_object,
        object_until=get_period_end(flag) if may_object else None,
        objection=objection,
    )


def get_reason(flag: Flag) -> str:
    """The reason for the outcome; empty while the report is open."""
    if flag.status == Status.OPEN:
        return ""
    if flag.ground:
        return str(GROUNDS[Category(flag.ground)])
    return " ".join(filter(None, [str(REASONS[Status(flag.status)]), localize_reason(flag.explanation)]))


# ── Notifications ────────────────────────────────────────────────────────────────────────────────────────
def find_report_ids(causes: Collection[UUID]) -> dict[UUID, UUID]:
    """{cause: report}. A cause is the report itself, the action that closed it, or the decision on the objection."""
    actions: Any = ModerationAction.objects.filter(pk__in=causes).values_list("pk", "case_id")
    cases: dict[UUID, UUID] = dict(actions)
    appeals: Any = Appeal.objects.filter(pk__in=cases.values()).values_list("pk", "action__case_id")
    reports: dict[UUID, UUID] = dict(appeals)
    return {cause: reports.get(cases.get(cause, cause), cases.get(cause, cause)) for cause in causes}


def find_report(cause: UUID) -> Flag | None:
    """The report that a cause is about, with its reporter; None if it was deleted."""
    flags = Flag.objects.select_related("reporter").filter(pk=find_report_ids([cause])[cause])
    return flags.first()


def compose(flag: Flag, cause: UUID) -> StatementText:
    """What the reporter receives when the report is received or closed, or the objection decided (see
    `find_report_ids`), as plain text in the active language."""
    action = ModerationAction.objects.filter(pk=cause).first()
    if action is None:
        subject, paragraphs = _compose_receipt()
    elif action.action in {Action.RESOLVE_FLAG, Action.DISMISS_FLAG}:
        subject, paragraphs = _compose_decision(flag)
    else:
        subject, paragraphs = _compose_review(action)
    about = ABOUT[TargetType(flag.target_type)] % {"day": format_day(flag.created_at)}
    reference = _("Reference: %(id)s") % {"id": flag.pk}
    return StatementText(subject, [about, *filter(None, paragraphs), reference])


def _compose_receipt() -> tuple[str, list[str]]:
    paragraphs = [
        _("Moderators review your report, and you will hear from us about the decision."),
        _("The person whom you reported does not learn who you are."),
    ]
    return _("We have received your report"), paragraphs


def _compose_decision(flag: Flag) -> tuple[str, list[str]]:
    [report] = describe([flag], flag.reporter.pk) if isinstance(flag.reporter, User) else [_describe(flag, None)]
    return _("Your report was reviewed"), [report.outcome, report.reason, _redress(report)]


def _redress(report: OwnReport) -> str:
    """Article 16(5): the possibilities for redress."""
    elsewhere = _("You can also turn to a certified out-of-court dispute settlement body, or to a court.")
    if report.object_until is None:
        return elsewhere
    once = _(
        "If you disagree, you can object once, until %(day)s, on the page of your report. Another moderator will "
        "review it."
    )
    return f"{once % {'day': format_day(report.object_until)}} {elsewhere}"


def _compose_review(action: ModerationAction) -> tuple[str, list[str]]:
    if action.action == Action.OVERTURN_APPEAL:
        subject = _("Your objection was successful")
        outcome = _("Another moderator has reviewed your report. It is open again, and you will hear from us.")
    else:
        subject = _("Your objection was reviewed")
        outcome = _("Another moderator has reviewed your report and confirmed the decision to take no action.")
    return subject, [outcome, _("Reason: %(reason)s") % {"reason": action.reason} if action.reason else ""]
