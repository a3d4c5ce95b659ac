"""What the operator of the site sets in the console. The moderation app records who changed it."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.models import UUIDModel
from apps.site.colours import DEFAULT_ACCENT, validate_accent

# Pixels; large enough for the icon of an installed app.
LOGO_EDGE = 512


class Logo(UUIDModel):
    """The logo of the site, a square PNG. Its URL contains the id, so a new logo has a new URL."""

    image = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.pk)


class SiteSettings(models.Model):
    """The settings of the site. There is one row, or none: then the defaults apply.

    Read them with `reads.current()`, change them with `services.change_settings()`.
    """

    class Registration(models.TextChoices):
        OPEN = "open", "Open: everyone may sign up"
        APPROVAL = "approval", "Approval: a moderator decides on each application"
        INVITE = "invite", "Invite: only with an invitation"
        CLOSED = "closed", "Closed: only with an invitation of an admin"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=50, blank=True, help_text="Empty: the setting SITE_NAME.")
    description = models.CharField(
        max_length=300, blank=True, help_text="One sentence about the site. Empty: the setting SITE_DESCRIPTION."
    )
    about = models.TextField("about text", max_length=20_000, blank=True, help_text="Shown on the page About.")
    contact = models.EmailField(
        blank=True, help_text="For questions of members and visitors. Empty: the setting SITE_CONTACT."
    )
    accent = models.CharField(
        "accent colour",
        max_length=7,
        default=DEFAULT_ACCENT,
        validators=[validate_accent],
        help_text="Of buttons and links, such as #a12345. White text on it must be legible.",
    )
    logo = models.ForeignKey(Logo, models.SET_NULL, null=True, blank=True, related_name="+")
    registration = models.CharField(max_length=10, choices=Registration.choices, default=Registration.OPEN)
    minimum_age = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(99)],
        help_text="In years. Empty: no date of birth is asked for at sign-up.",
    )
    invitations_per_member = models.PositiveSmallIntegerField(
        default=5,
        help_text="How many people a member may invite. Places are free again 90 days after an invitation ends. "
        "0: only staff invites.",
    )
    proof_of_work = models.BooleanField(
        default=False, help_text="Browsers solve a computing task at sign-up, which makes many sign-ups expensive."
    )
    confirmed_address_required = models.BooleanField(
        "confirmed e-mail address required",
        null=True,
        blank=True,
        choices=[(None, "As the setting REQUIRE_CONFIRMED_EMAIL"), (True, "Yes"), (False, "No")],
        help_text="Before posting, commenting and following more than a few accounts.",
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "site settings"
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="site_settings_are_one_row"),
            models.CheckConstraint(
                condition=Q(registration__in=["open", "approval", "invite", "closed"]), name="registration_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name or settings.SITE_NAME


class Rule(UUIDModel):
    """A rule for members. Its wording is that of its newest version."""

    position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    # A withdrawn rule is not listed any more; reports and decisions still refer to it.
    withdrawn_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)


class RuleVersion(UUIDModel):
    """A wording of a rule. It never changes, because reports and decisions refer to it."""

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField()
    # {language: {"title": ..., "text": ...}}, with SITE_LANGUAGE at least.
    texts = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "number"], name="rule_version_has_one_number")]

    def __str__(self) -> str:
        return f"{self.rule_id} v{self.number}"


class DocumentVersion(UUIDModel):
    """A version of the terms or of the privacy policy. In effect is the one with the latest `effective_at` that has
    passed. After that it never changes, because members have consented to it."""

    class Kind(models.TextChoices):
        TERMS = "terms", "Terms"
        PRIVACY = "privacy", "Privacy policy"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    number = models.PositiveSmallIntegerField("version")
    # {language: {"text": ..., "changes": ...}}, with SITE_LANGUAGE at least.
    texts = models.JSONField()
    effective_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "version of terms or privacy policy"
        verbose_name_plural = "terms and privacy policy"
        constraints = [
            models.UniqueConstraint(fields=["kind", "number"], name="document_version_has_one_number"),
            models.UniqueConstraint(fields=["kind", "effective_at"], name="document_versions_start_apart"),
            models.CheckConstraint(condition=Q(kind__in=["terms", "privacy"]), name="document_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} v{self.number}"


class Announcement(UUIDModel):
    """A message to all visitors, shown from its start to its end."""

    # {language: {"text": ...}}, with SITE_LANGUAGE at least.
    texts = models.JSONField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=models.F("starts_at")), name="announcement_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
