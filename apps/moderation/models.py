"""What is reported, what is decided, what is told to whom it hits, and what they object."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.models import UUIDModel
from apps.core.tasks.leased import LeasedJob, LeasedJobQuerySet
from apps.moderation.querysets import (
    ActionQuerySet,
    AppealQuerySet,
    FlagQuerySet,
    ProposalQuerySet,
    StaffActQuerySet,
)


class TargetType(models.TextChoices):
    USER = "user"
    POST = "post"
    COMMENT = "comment"


class Category(models.TextChoices):
    SPAM = "spam"
    NUDITY = "nudity"
    VIOLENCE = "violence"
    HATE = "hate"
    HARASSMENT = "harassment"
    SELF_HARM = "self_harm"
    ILLEGAL = "illegal"
    INTELLECTUAL_PROPERTY = "intellectual_property"
    IMPERSONATION = "impersonation"
    OTHER = "other"


# What nobody has to look at unprepared.
UNPLEASANT = (Category.NUDITY, Category.VIOLENCE, Category.SELF_HARM, Category.ILLEGAL)


class Flag(UUIDModel):
    """A report. It outlives its reporter's account, without the person, and goes with the person it is about."""

    class Status(models.TextChoices):
        OPEN = "open"
        RESOLVED = "resolved"
        DISMISSED = "dismissed"

    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    target_type = models.CharField(max_length=10, choices=TargetType.choices)
    target_id = models.UUIDField()
    # The person reported, or the author of what is.
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    category = models.CharField(max_length=30, choices=Category.choices)
    note = models.CharField(max_length=1000, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    resolution_note = models.CharField(max_length=1000, blank=True)
    resolved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    resolved_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = FlagQuerySet.as_manager()

    class Meta:
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
                | Q(status__in=["resolved", "dismissed"], resolved_at__isnull=False),
                name="flag_is_open_or_resolved_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="flags_by_status"),
            models.Index(fields=["category", "-id"], name="flags_by_category"),
            models.Index(fields=["status", "category", "-id"], name="flags_by_status_and_category"),
            models.Index(fields=["target_id"], name="flags_by_target"),
            # What the queue groups, and how reliable reporters have been, from the indexes alone.
            models.Index(
                fields=["target_type", "target_id"],
                include=["id", "category", "reporter", "subject"],
                condition=Q(status="open"),
                name="open_flags_by_target",
            ),
            models.Index(fields=["reporter", "status"], condition=~Q(status="open"), name="closed_flags_by_reporter"),
            models.Index(fields=["subject", "status"], name="flags_by_subject_and_status"),
            models.Index(fields=["subject", "-id"], name="flags_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.category}: {self.target_type} {self.target_id}"


class Claim(UUIDModel):
    """That a moderator works on a target's case: one at a time, until it expires. See `claims.py`."""

    target_type = models.CharField(max_length=10, choices=TargetType.choices)
    target_id = models.UUIDField()
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target_id", "target_type"], name="one_claim_per_target"),
            models.CheckConstraint(condition=Q(target_type__in=TargetType.values), name="claim_target_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.target_type} {self.target_id}"


class Decision(models.TextChoices):
    """What a case can be decided to be."""

    TAKE_DOWN = "take_down", "Take down"
    SUSPEND = "suspend", "Suspend"
    DISMISS = "dismiss", "Dismiss"
    RESOLVE = "resolve", "Close as resolved"


class ReasonTemplate(UUIDModel):
    """A reason that moderators give often, as a text to start from. See `reasons.py`."""

    title = models.CharField(max_length=80)
    text = models.CharField(max_length=1000, help_text="Told to whom it hits, as the moderator may still change it.")
    action = models.CharField(max_length=10, choices=Decision.choices)
    category = models.CharField(
        max_length=30, choices=Category.choices, blank=True, help_text="Filled in with the text; empty: left as it is."
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
    """A suspension for good that one moderator proposes and another confirms or rejects. See `proposals.py`."""

    class Status(models.TextChoices):
        OPEN = "open"
        CONFIRMED = "confirmed"
        REJECTED = "rejected"
        EXPIRED = "expired"

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # The case that it would decide.
    target_type = models.CharField(max_length=10, choices=TargetType.choices)
    target_id = models.UUIDField()
    category = models.CharField(max_length=30, choices=Category.choices)
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
    """What somebody decided: the audit. A trigger of the database refuses to change or delete a row.

    So nothing here refers to a row that may have to go: the actor's account is a reference without a constraint, what
    was acted on and whom it hit are plain ids. What undoes or replaces an action is an action of its own, which
    `reverses` it.
    """

    class Action(models.TextChoices):
        TAKEDOWN = "takedown"
        RESTORE = "restore"
        SUSPEND = "suspend"
        UNSUSPEND = "unsuspend"
        RESOLVE_FLAG = "resolve_flag"
        DISMISS_FLAG = "dismiss_flag"
        UPHOLD_APPEAL = "uphold_appeal"
        OVERTURN_APPEAL = "overturn_appeal"

    # None: the clock.
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
    # Whom it hit; nobody, when a flag is closed.
    affected_id = models.UUIDField(null=True)
    # The flag or the appeal that was decided.
    case_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=1000, blank=True)
    category = models.CharField(max_length=30, choices=Category.choices)
    until = models.DateTimeField(null=True)
    reverses = models.OneToOneField("self", models.DO_NOTHING, null=True, related_name="reversal")
    # The moment in `id`, so that a stretch of time is a stretch of the index.
    created_at = models.DateTimeField()

    objects = ActionQuerySet.as_manager()

    # An annotation of `for_cards()`.
    reversed_at: datetime | None

    class Meta:
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
                        "resolve_flag",
                        "dismiss_flag",
                        "uphold_appeal",
                        "overturn_appeal",
                    ]
                ),
                name="action_is_known",
            ),
        ]
        # One for each combination of the audit's filters; a target alone selects few rows.
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
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.target_type} {self.target_id}"


class StaffAct(UUIDModel):
    """What staff did in the console besides deciding: what they read that is private, and which rules they changed. As
    append-only as the audit of decisions, and for the same reason it refers to people by plain ids."""

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    # A verb and its object, such as "read_sessions" or "ban_image".
    act = models.CharField(max_length=40)
    # The row it was done to, whatever its table; `subject_type` is the model's label.
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=64)
    reason = models.CharField(max_length=1000, blank=True)
    # What changed, from what to what.
    detail = models.JSONField(default=dict)
    # The moment in `id`.
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
    """That whom an action hit is told so, and why, by mail. The row is the record; the task is rung again until
    `mailed_at` is set, or the tries are used up."""

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
    """What the person whom an action hit says against it: once."""

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

    # An annotation of `for_cards()`.
    action_reversed_at: datetime | None

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
