"""Reports, decisions, statements of reasons and appeals."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apps.core.db.ids import moment_of
from apps.core.db.querysets import InsertOrIgnoreQuerySet
from apps.core.models import UUIDModel
from apps.core.tasks.leased import LeasedJob, LeasedJobQuerySet
from apps.moderation.querysets import (
    ActionQuerySet,
    AppealQuerySet,
    CaseQuerySet,
    FlagQuerySet,
    ProposalQuerySet,
    StaffActQuerySet,
    TeamNoteQuerySet,
)
from apps.site.models import RuleVersion


class TargetType(models.TextChoices):
    USER = "user"
    POST = "post"
    COMMENT = "comment"


class Category(models.TextChoices):
    SPAM = "spam", _("Spam")
    NUDITY = "nudity", _("Nudity")
    VIOLENCE = "violence", _("Violence")
    HATE = "hate", _("Hate")
    HARASSMENT = "harassment", _("Harassment")
    SELF_HARM = "self_harm", _("Self Harm")
    ILLEGAL = "illegal", _("Illegal")
    INTELLECTUAL_PROPERTY = "intellectual_property", _("Intellectual Property")
    IMPERSONATION = "impersonation", _("Impersonation")
    OTHER = "other", _("Other")


# Categories whose photos are blurred until the moderator asks for them. See `cases/blurring.py`.
UNPLEASANT = (Category.NUDITY, Category.VIOLENCE, Category.SELF_HARM, Category.ILLEGAL)


class Flag(UUIDModel):
    """A report of a user, a post or a comment.

    When the account of its reporter is erased, `reporter` becomes null. When the account of its subject is erased,
    `subject` becomes null, and so does `target_id` if it is that account: the reporter still reads the outcome.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        RESOLVED = "resolved"
        DISMISSED = "dismissed"
        OBSOLETE = "obsolete"  # closed without a decision: the reported account was erased

    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    target_type = models.CharField(max_length=10, choices=TargetType.choices)
    target_id = models.UUIDField(null=True)
    # The reported user, or the author of the reported post or comment.
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    category = models.CharField(max_length=30, choices=Category.choices)
    # The rule that the reporter names, if any.
    rule_version = models.ForeignKey(RuleVersion, models.PROTECT, null=True, related_name="+", db_index=False)
    note = models.CharField(max_length=1000, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    resolution_note = models.CharField(max_length=1000, blank=True)
    # What the reporter learns, see `reporters.py`: the category of the measure that closed the report, and the reason
    # if there was no measure. The reason for a measure is addressed to the affected user.
    ground = models.CharField(max_length=30, choices=Category.choices, blank=True, default="", db_default="")
    explanation = models.CharField(max_length=1000, blank=True, default="", db_default="")
    resolved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    resolved_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = FlagQuerySet.as_manager()

    class Meta:
        verbose_name = "report"
        constraints = [
            models.UniqueConstraint(
                fields=["reporter", "target_id", "target_type"],
                condition=Q(status="open"),
                name="one_open_flag_per_reporter_and_target",
            ),
            models.CheckConstraint(condition=Q(target_type__in=TargetType.values), name="flag_target_is_known"),
            models.CheckConstraint(condition=Q(category__in=Category.values), name="flag_category_is_known"),
            models.CheckConstraint(
                condition=Q(status="open", resolved_at__isnull=True)
                | Q(status__in=["resolved", "dismissed", "obsolete"], resolved_at__isnull=False),
                name="flag_is_open_or_resolved_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="flags_by_status"),
            models.Index(fields=["category", "-id"], name="flags_by_category"),
            models.Index(fields=["status", "category", "-id"], name="flags_by_status_and_category"),
            models.Index(fields=["target_id"], name="flags_by_target"),
            # The view `moderation_case` reads open reports and the record of reporters from these indexes alone.
            models.Index(
                fields=["target_type", "target_id"],
                include=["id", "category", "reporter", "subject"],
                condition=Q(status="open"),
                name="open_flags_by_target",
            ),
            models.Index(fields=["reporter", "status"], condition=~Q(status="open"), name="closed_flags_by_reporter"),
            models.Index(fields=["reporter", "-id"], name="flags_by_reporter"),
            models.Index(fields=["subject", "status"], name="flags_by_subject_and_status"),
            models.Index(fields=["subject", "-id"], name="flags_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.category}: {self.target_type} {self.target_id}"


class OpenCase(models.Model):
    """A row of the view `moderation_case`: a target with open reports.

    The view is the only definition of the severity, and contains the weight of each category. `category` is the most
    severe one reported, and `first_flag_id` the oldest open report.
    """

    first_flag_id = models.UUIDField(primary_key=True)
    target_type = models.CharField(max_length=10, choices=TargetType.choices)
    target_id = models.UUIDField()
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+")
    category = models.CharField(max_length=30, choices=Category.choices)
    reporters = models.IntegerField()
    severity = models.DecimalField(max_digits=20, decimal_places=4)

    objects = CaseQuerySet.as_manager()

    # Annotations of `with_details()`.
    handle: str
    state: str
    followers: int
    holder: str | None
    holder_id: UUID | None
    proposed: bool

    class Meta:
        managed = False
        db_table = "moderation_case"

    def __str__(self) -> str:
        return f"{self.target_type} {self.target_id}"

    @property
    def open_since(self) -> datetime:
        """When the oldest open report was created."""
        return moment_of(self.first_flag_id)


class Claim(UUIDModel):
    """A moderator works on a case. They have one claim at a time, and it expires. See `cases/claims.py`."""

    target_type = models.CharField(max_length=10, choices=TargetType.choices)
    target_id = models.UUIDField()
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()

    objects = InsertOrIgnoreQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target_id", "target_type"], name="one_claim_per_target"),
            models.CheckConstraint(condition=Q(target_type__in=TargetType.values), name="claim_target_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.target_type} {self.target_id}"


class Decision(models.TextChoices):
    """The possible decisions of a case."""

    TAKE_DOWN = "take_down", "Take down"
    MARK_SENSITIVE = "mark_sensitive", "Mark as sensitive"
    LIMIT_POST = "limit_post", "Limit the post"
    LIMIT_ACCOUNT = "limit_account", "Limit the account"
    WARN = "warn", "Warn"
    SUSPEND = "suspend", "Suspend"
    DISMISS = "dismiss", "Dismiss"
    RESOLVE = "resolve", "Close as resolved"


class ReasonTemplate(UUIDModel):
    """The text of a frequent reason, which moderators can edit before they use it. See `cases/policies.py`."""

    title = models.CharField(max_length=80)
    text = models.CharField(max_length=1000, help_text="The affected user sees this text. Moderators can edit it.")
    action = models.CharField(max_length=20, choices=Decision.choices)
    category = models.CharField(
        max_length=30, choices=Category.choices, blank=True, help_text="Filled in with the text, unless empty."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["action", "title"], name="one_template_per_action_and_title"),
            models.CheckConstraint(condition=Q(action__in=Decision.values), name="template_action_is_known"),
            models.CheckConstraint(condition=Q(category__in=["", *Category.values]), name="template_category_is_known"),
            models.CheckConstraint(condition=~Q(text=""), name="template_has_a_text"),
        ]

    def __str__(self) -> str:
        return self.title


class SuspensionProposal(UUIDModel):
    """A permanent suspension that one moderator proposes and another confirms or rejects. See `cases/proposals.py`."""

    class Status(models.TextChoices):
        OPEN = "open"
        CONFIRMED = "confirmed"
        REJECTED = "rejected"
        EXPIRED = "expired"

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # The case that the suspension would decide.
    target_type = models.CharField(max_length=10, choices=TargetType.choices)
    target_id = models.UUIDField()
    category = models.CharField(max_length=30, choices=Category.choices)
    rule_version = models.ForeignKey(RuleVersion, models.PROTECT, null=True, related_name="+", db_index=False)
    reason = models.CharField(max_length=1000)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=1000, blank=True)

    objects = ProposalQuerySet.as_manager()

    class Meta:
        verbose_name = "proposed suspension"
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=Q(status="open"), name="one_open_proposal_per_person"),
            models.CheckConstraint(condition=Q(target_type__in=TargetType.values), name="proposal_target_is_known"),
            models.CheckConstraint(condition=Q(category__in=Category.values), name="proposal_category_is_known"),
            models.CheckConstraint(
                condition=Q(status="open", decided_at__isnull=True)
                | Q(status__in=["confirmed", "rejected", "expired"], decided_at__isnull=False),
                name="proposal_is_open_or_decided_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["status", "-id"], name="proposals_by_status")]

    def __str__(self) -> str:
        return f"{self.person_id} for {self.category}"


class ModerationAction(UUIDModel):
    """A decision in the audit. A database trigger refuses to change or delete rows.

    So no row refers to a row that may be deleted: `actor` has no constraint, and the target and the affected user are
    plain ids. Undoing or replacing an action is an action of its own, which `reverses` it.
    """

    class Action(models.TextChoices):
        TAKEDOWN = "takedown", "Takedown"
        RESTORE = "restore", "Restoration"
        SUSPEND = "suspend", "Suspension"
        UNSUSPEND = "unsuspend", "End of suspension"
        MARK_SENSITIVE = "mark_sensitive", "Sensitive mark"
        UNMARK_SENSITIVE = "unmark_sensitive", "Removal of the sensitive mark"
        LIMIT_REACH = "limit_reach", "Limited reach"
        RESTORE_REACH = "restore_reach", "Restored reach"
        WARN = "warn", "Warning"
        WITHDRAW_WARNING = "withdraw_warning", "Withdrawn warning"
        RESOLVE_FLAG = "resolve_flag", "Report resolved"
        DISMISS_FLAG = "dismiss_flag", "Report dismissed"
        UPHOLD_APPEAL = "uphold_appeal", "Appeal upheld"
        OVERTURN_APPEAL = "overturn_appeal", "Appeal overturned"

    # Null: an automatic action, such as the end of a suspension.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    action = models.CharField(max_length=20, choices=Action.choices)
    target_type = models.CharField(max_length=10, choices=TargetType.choices)
    target_id = models.UUIDField()
    # The affected user; null when a report is closed.
    affected_id = models.UUIDField(null=True)
    # The report or the appeal that was decided.
    case_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=1000, blank=True)
    category = models.CharField(max_length=30, choices=Category.choices)
    # The rule that was broken, in the wording of then; wordings are never deleted.
    rule_version = models.ForeignKey(
        RuleVersion, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    until = models.DateTimeField(null=True)
    reverses = models.OneToOneField("self", models.DO_NOTHING, null=True, related_name="reversal")
    # The first row of the same decision: a takedown that closes six reports has seven rows. Null: this is the first.
    part_of_id = models.UUIDField(null=True)
    # The time in `id`, so that a range of time is a range of the index.
    created_at = models.DateTimeField()

    objects = ActionQuerySet.as_manager()

    # Annotations of `with_occasion()` and `with_excerpt()`.
    reported: bool
    excerpt: str

    class Meta:
        verbose_name = "decision"
        constraints = [
            models.CheckConstraint(condition=Q(target_type__in=TargetType.values), name="action_target_is_known"),
            models.CheckConstraint(condition=Q(category__in=Category.values), name="action_category_is_known"),
            models.CheckConstraint(
                condition=Q(
                    action__in=[
                        "takedown",
                        "restore",
                        "suspend",
                        "unsuspend",
                        "mark_sensitive",
                        "unmark_sensitive",
                        "limit_reach",
                        "restore_reach",
                        "warn",
                        "withdraw_warning",
                        "resolve_flag",
                        "dismiss_flag",
                        "uphold_appeal",
                        "overturn_appeal",
                    ]
                ),
                name="action_is_known",
            ),
        ]
        # One for each combination of filters; a target alone selects few rows.
        indexes = [
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["target_type", "-id"], name="audit_by_type"),
            models.Index(fields=["actor", "action", "-id"], name="audit_by_actor_action"),
            models.Index(fields=["actor", "target_type", "-id"], name="audit_by_actor_type"),
            models.Index(fields=["action", "target_type", "-id"], name="audit_by_action_type"),
            models.Index(fields=["actor", "action", "target_type", "-id"], name="audit_by_actor_action_type"),
            models.Index(fields=["target_id", "-id"], name="audit_by_target"),
            models.Index(fields=["affected_id", "-id"], name="audit_by_affected"),
            models.Index(fields=["category", "-id"], name="audit_by_category"),
            models.Index(fields=["part_of_id"], condition=Q(part_of_id__isnull=False), name="audit_by_decision"),
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.target_type} {self.target_id}"

    @property
    def reversed_at(self) -> datetime | None:
        """When the action was undone or replaced. Select the action with its reversal."""
        return self.reversal.created_at if hasattr(self, "reversal") else None

    @property
    def can_be_undone(self) -> bool:
        """Whether it is a measure in force. Select the action with its reversal."""
        return self.action in MEASURES and self.reversed_at is None


# What moderators do to a user or their content, which the user can appeal, and the action that ends each.
MEASURES = {
    ModerationAction.Action.TAKEDOWN: ModerationAction.Action.RESTORE,
    ModerationAction.Action.SUSPEND: ModerationAction.Action.UNSUSPEND,
    ModerationAction.Action.MARK_SENSITIVE: ModerationAction.Action.UNMARK_SENSITIVE,
    ModerationAction.Action.LIMIT_REACH: ModerationAction.Action.RESTORE_REACH,
    ModerationAction.Action.WARN: ModerationAction.Action.WITHDRAW_WARNING,
}
REVERSALS = frozenset(MEASURES.values())
# Measures that make content or an account less visible: all but warnings.
RESTRICTIONS = frozenset(MEASURES) - {ModerationAction.Action.WARN}


class TeamNote(UUIDModel):
    """A note about an account, for moderators. It is deleted after TEAM_NOTE_LIFETIME, and with the account."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    text = models.CharField(max_length=2000)
    created_at = models.DateTimeField(db_default=Now())

    objects = TeamNoteQuerySet.as_manager()

    # Set by `notes.list_about()`.
    may_delete: bool

    class Meta:
        indexes = [models.Index(fields=["person", "-id"], name="team_notes_by_person")]

    def __str__(self) -> str:
        return f"about {self.person_id}"


class Digest(models.Model):
    """How a moderator learns of new reports and appeals. Without a row: in the console only. See `preferences.py`."""

    class Frequency(models.TextChoices):
        NEVER = "never", "In the console only"
        IMMEDIATELY = "immediately", "Mail at once"
        HOURLY = "hourly", "Mail once an hour"
        DAILY = "daily", "Mail once a day"

    moderator = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    frequency = models.CharField(max_length=20, choices=Frequency.choices, default=Frequency.NEVER)
    reports = models.BooleanField(default=True)
    appeals = models.BooleanField(default=True)
    # The mails have announced what is older.
    announced_until = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(frequency__in=["never", "immediately", "hourly", "daily"]), name="digest_frequency_is_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="digests_to_attempt"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.frequency} for {self.moderator_id}"


class StaffAct(UUIDModel):
    """What staff did in the console besides deciding cases: the private data they read and the rules they changed.

    Append-only like the audit of decisions, so it refers to users by plain ids, too.
    """

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    # A verb and its object, such as "read_sessions" or "ban_image".
    act = models.CharField(max_length=40)
    # The affected row; `subject_type` is the label of its model.
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=64)
    reason = models.CharField(max_length=1000, blank=True)
    # The changes, old and new values.
    detail = models.JSONField(default=dict)
    # The time in `id`.
    created_at = models.DateTimeField()

    objects = StaffActQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["actor", "-id"], name="staff_acts_by_actor"),
            models.Index(fields=["act", "-id"], name="staff_acts_by_act"),
            models.Index(fields=["subject_id", "-id"], name="staff_acts_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.subject_type} {self.subject_id}"


class Statement(LeasedJob):
    """The statement of reasons that the affected user receives by mail.

    The task is enqueued again until `mailed_at` is set or the attempts are used up.
    """

    action = models.OneToOneField(ModerationAction, models.DO_NOTHING, primary_key=True, related_name="statement")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    next_attempt_at = models.DateTimeField(null=True, db_column="try_after")
    mailed_at = models.DateTimeField(null=True)

    objects = LeasedJobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(mailed_at__isnull=True), name="statements_to_mail")
        ]

    def __str__(self) -> str:
        return str(self.action_id)


class Appeal(UUIDModel):
    """An objection to an action: of the affected user, or of a reporter to the dismissal of a report
    (`appeals/objections.py`). There is at most one for each action."""

    class Status(models.TextChoices):
        OPEN = "open"
        UPHELD = "upheld"
        OVERTURNED = "overturned"

    action = models.OneToOneField(ModerationAction, models.DO_NOTHING, related_name="appeal")
    appellant = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    text = models.CharField(max_length=2000)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = AppealQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", decided_at__isnull=True)
                | Q(status__in=["upheld", "overturned"], decided_at__isnull=False),
                name="appeal_is_open_or_decided_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["status", "-id"], name="appeals_by_status")]

    def __str__(self) -> str:
        return f"against {self.action_id}"
