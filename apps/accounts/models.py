"""Accounts with their profiles, sessions, mailed tokens, second factors, erasures and exports."""

import secrets
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.functional import cached_property

from apps.accounts import passwords
from apps.accounts.querysets import (
    ApplicationQuerySet,
    DataExportQuerySet,
    EmailChangeQuerySet,
    InvitationQuerySet,
    SecurityEventQuerySet,
    SessionQuerySet,
    UserManager,
)
from apps.core.models import UUIDModel
from apps.core.tasks.leased import LeasedJob, LeasedJobQuerySet
from apps.media.models import Media
from apps.site.models import DocumentVersion

# Settings that are the same on every device of the user. docs/architecture.md says where each takes effect.
DEFAULT_SETTINGS = {"show_sensitive": False, "theme": "system", "discoverable": True, "keyboard_shortcuts": True}


# Without characters that look like another one.
CODE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
CODE_LENGTH = 12


def make_nonce() -> str:
    return secrets.token_urlsafe(24)


def make_invitation_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


class User(UUIDModel, AbstractBaseUser, PermissionsMixin):
    """An account and its public profile."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PENDING = "pending"  # has applied: hidden, cannot sign in, and is erased at `erase_after` unless approved
        SUSPENDED = "suspended"
        DEACTIVATED = "deactivated"  # hidden by its owner, until they sign in again and confirm that they return
        LEAVING = "leaving"  # deletion is pending: hidden, and restored by signing in within ERASURE_GRACE
        ERASED = "erased"  # being erased; the row is deleted last, because other rows refer to it

    handle = models.CharField(max_length=30)
    email = models.EmailField(max_length=254)
    email_verified_at = models.DateTimeField(null=True, blank=True)
    # When the user declared a date of birth of the minimum age. The date itself is not stored.
    of_age_at = models.DateTimeField(null=True, blank=True)
    display_name = models.CharField(max_length=50, blank=True)
    bio = models.CharField(max_length=300, blank=True)
    website = models.URLField(max_length=200, blank=True)
    locale = models.CharField(max_length=10, default="en")
    # A name of the IANA database, such as "Europe/Berlin"; empty for that of the server.
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    avatar = models.ForeignKey(Media, models.SET_NULL, null=True, blank=True, related_name="+")
    is_private = models.BooleanField(default=False)
    is_verified = models.BooleanField(default=False)
    settings = models.JSONField(default=dict, blank=True)

    state = models.CharField(max_length=20, choices=State.choices, default=State.ACTIVE)
    suspended_until = models.DateTimeField(null=True, blank=True)
    suspension_reason = models.CharField(max_length=1000, blank=True)
    # By a decision of moderators: not in explore, search, suggestions and lists of tags. See `is_in_reach`.
    reach_limited = models.BooleanField(default=False, db_default=False)
    erase_after = models.DateTimeField(null=True, blank=True)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    is_staff = models.BooleanField(default=False)
    # The newest accepted versions of the documents, repeated from the consents (`consents.py`).
    accepted_terms = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    accepted_privacy = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)

    follower_count = models.IntegerField(default=0)
    following_count = models.IntegerField(default=0)
    post_count = models.IntegerField(default=0)

    created_at = models.DateTimeField(db_default=Now())
    handle_changed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "handle"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        verbose_name, verbose_name_plural = "person", "people"
        constraints = [
            models.UniqueConstraint(fields=["handle"], name="one_account_per_handle"),
            models.UniqueConstraint(fields=["email"], name="one_account_per_email"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="email_is_lower_case"),
            models.CheckConstraint(
                condition=Q(handle__regex=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$"), name="handle_is_well_formed"
            ),
            models.CheckConstraint(condition=Q(follower_count__gte=0), name="follower_count_not_negative"),
            models.CheckConstraint(condition=Q(following_count__gte=0), name="following_count_not_negative"),
            models.CheckConstraint(condition=Q(post_count__gte=0), name="post_count_not_negative"),
        ]
        indexes = [
            models.Index(fields=["erase_after"], condition=Q(erase_after__isnull=False), name="users_to_erase"),
            models.Index(fields=["suspended_until"], condition=Q(state="suspended"), name="users_suspended_until"),
            # `inactive()` accounts are few; queries exclude them by this index.
            models.Index(fields=["id"], condition=~Q(state="active"), name="users_inactive"),
            # The console's filters.
            models.Index(fields=["-id"], condition=Q(is_private=True), name="users_private"),
            models.Index(fields=["state", "-id"], condition=~Q(state="active"), name="users_not_active"),
            models.Index(fields=["-id"], condition=Q(is_staff=True), name="users_of_staff"),
            models.Index(fields=["-id"], condition=Q(is_verified=True), name="users_verified"),
            models.Index(fields=["-id"], condition=Q(reach_limited=True), name="users_reach_limited"),
        ]

    def __str__(self) -> str:
        return f"@{self.handle}"

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # Django's flag, derived from the state
        return self.state == self.State.ACTIVE

    @property
    def is_restricted(self) -> bool:
        """Whether its sessions may only read the reason of the suspension, appeal, export, erase and sign out."""
        return self.state == self.State.SUSPENDED

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(raw_password if raw_password is None else passwords.normalise(raw_password))

    def check_password(self, raw_password: str | None) -> bool:
        """Whether this is the password, in any Unicode form. A password that is too long is not hashed.

        Hashes from before passwords were normalised are of the raw form. Such a hash is replaced when it matches.
        """
        normalised = passwords.normalise(raw_password or "")
        if passwords.is_too_long(normalised):
            return False
        if super().check_password(normalised):
            return True
        if normalised == raw_password or not super().check_password(raw_password):
            return False
        former = self.password
        self.set_password(normalised)
        # The condition keeps a password that was changed meanwhile.
        User.objects.filter(pk=self.pk, password=former).update(password=self.password)
        return True

    @cached_property
    def ranks(self) -> frozenset[str]:
        """Any of "moderator", "senior_moderator", "admin"; a superuser is an admin."""
        names = {group.name for group in self.groups.all()} & {"moderator", "senior_moderator", "admin"}
        return frozenset(names | {"admin"} if self.is_superuser else names)

    @property
    def roles(self) -> frozenset[str]:
        """The ranks as the API names them: "moderator" and "admin"; a senior moderator is a moderator there."""
        return frozenset("moderator" if rank == "senior_moderator" else rank for rank in self.ranks)

    @property
    def greeting_name(self) -> str:
        """The name in mails; empty until the address is confirmed.

        Anyone can sign up with the address of another person, who would receive a text of the stranger's choice.
        """
        return (self.display_name or self.handle) if self.email_verified_at else ""

    @property
    def is_moderator(self) -> bool:
        return bool(self.roles)


class WithheldHandle(UUIDModel):
    """A released handle that cannot be taken before `until`, except by `user`, who has changed it."""

    handle = models.CharField(max_length=30, unique=True)
    until = models.DateTimeField()
    user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return self.handle


class Session(UUIDModel):
    """A sign-in on a device, through the API, the pages or the console: the unit of revocation.

    A browser that is signed in to the pages has a signed cookie with the id of the row (`apps/web/sessions.py`).
    Console sessions have no tokens. They end after CONSOLE_SESSION_LIFETIME, or CONSOLE_IDLE_TIMEOUT without a request;
    the browser has the cookie of a Django session, which refers to the row (`api/console_sessions.py`).

    The refresh tokens are numbered by `generation`. Each is a MAC over the session's nonce and its number,
    so that a token has one successor and no token is stored. See `refresh_tokens.py`.
    """

    class Kind(models.TextChoices):
        API = "api"
        CONSOLE = "console"
        WEB = "web"

    class EndReason(models.TextChoices):
        REVOKED = "revoked"
        SIGNED_OUT = "signed_out"
        TOKEN_REUSED = "token_reused"  # noqa: S105  (a reason, no token)
        PASSWORD_CHANGED = "password_changed"  # noqa: S105
        PASSWORD_RESET = "password_reset"  # noqa: S105
        SUSPENDED = "suspended"
        DEACTIVATED = "deactivated"
        LEAVING = "leaving"
        ERASED = "erased"
        DISMISSED = "dismissed"  # no longer staff; ends console sessions only
        TWO_FACTOR_RESET = "two_factor_reset"  # console sessions only
        EMAIL_REVERTED = "email_reverted"

    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.API, db_default=Kind.API)
    device_name = models.CharField(max_length=100, blank=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    nonce = models.CharField(max_length=64, default=make_nonce, editable=False)
    generation = models.PositiveIntegerField(default=0)
    # Whether it was opened with a second factor, which staff may need to use their rank (`two_factor.py`).
    two_factor = models.BooleanField(db_default=False)
    # When its user last proved their identity in it, besides at sign-in (`confirmation.py`).
    confirmed_at = models.DateTimeField(null=True)
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=20, blank=True, choices=EndReason.choices)

    objects = SessionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], condition=Q(ended_at__isnull=True), name="live_sessions_by_user"),
            models.Index(fields=["user", "address"], name="sessions_by_user_and_address"),
            models.Index(fields=["expires_at"], name="sessions_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.device_name}"


class EmailedToken(UUIDModel):
    """A secret that was sent by mail, stored as a digest. It works once, until it expires."""

    class Purpose(models.TextChoices):
        CONFIRM_EMAIL = "confirm_email"
        RESET_PASSWORD = "reset_password"  # noqa: S105  (a purpose, no password)
        CHANGE_EMAIL = "change_email"
        REVERT_EMAIL = "revert_email"

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    email = models.EmailField(max_length=254)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.purpose} {self.user_id}"


class Consent(UUIDModel):
    """A member has accepted a version of the terms or of the privacy policy."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    # A version that was in effect is never deleted.
    document = models.ForeignKey(DocumentVersion, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "document"], name="one_consent_per_version")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.document_id}"


class EmailChange(UUIDModel):
    """A change of the address of an account.

    It is pending until the link that was sent to the new address is used. After that, a link that was sent to the old
    address reverts the change before `revert_until`; until then no other account can take the old address.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        CONFIRMED = "confirmed"
        CANCELLED = "cancelled"
        REVERTED = "reverted"

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    old_email = models.EmailField(max_length=254)
    new_email = models.EmailField(max_length=254)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    # When the link to the new address expires, and when the one to the old address does.
    expires_at = models.DateTimeField()
    revert_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = EmailChangeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(state="pending"), name="one_pending_email_change"),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="email_changes_by_user"),
            models.Index(fields=["old_email"], condition=Q(state="confirmed"), name="email_changes_by_old_email"),
            models.Index(fields=["created_at"], name="email_changes_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.user_id}"


class SecurityEvent(UUIDModel):
    """Something that the owner of an account must be able to notice. `security.py` records and mails it."""

    class Kind(models.TextChoices):
        NEW_DEVICE = "new_device"
        PASSWORD_CHANGED = "password_changed"  # noqa: S105  (an event, no password)
        PASSWORD_RESET = "password_reset"  # noqa: S105
        HANDLE_CHANGED = "handle_changed"
        EMAIL_CORRECTED = "email_corrected"
        EMAIL_CHANGE_REQUESTED = "email_change_requested"
        EMAIL_CHANGE_CANCELLED = "email_change_cancelled"
        EMAIL_CHANGED = "email_changed"
        EMAIL_REVERTED = "email_reverted"
        TWO_FACTOR_ADDED = "two_factor_added"
        TWO_FACTOR_REMOVED = "two_factor_removed"
        TWO_FACTOR_RESET = "two_factor_reset"  # by the team
        PASSKEY_ADDED = "passkey_added"
        PASSKEY_REMOVED = "passkey_removed"
        RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
        RECOVERY_CODE_USED = "recovery_code_used"
        EXPORT_REQUESTED = "export_requested"
        EXPORT_READY = "export_ready"
        DEACTIVATED = "deactivated"
        REACTIVATED = "reactivated"
        DELETION_SCHEDULED = "deletion_scheduled"
        DELETION_CANCELLED = "deletion_cancelled"

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=30, choices=Kind.choices)
    # What it concerns, such as the name of a passkey.
    detail = models.CharField(max_length=300, blank=True)
    # The address of the account at that time, to which the mail goes.
    email = models.EmailField(max_length=254)
    device_name = models.CharField(max_length=100, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    network = models.CharField(max_length=50, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = SecurityEventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="security_events_by_user"),
            models.Index(fields=["created_at"], name="security_events_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.user_id}"


class RecoveryCode(UUIDModel):
    """A code that replaces the authenticator app or the passkey once, stored as a digest."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="one_recovery_code_per_digest")]

    def __str__(self) -> str:
        return str(self.id)


class Passkey(UUIDModel):
    """A WebAuthn credential: the public half of a key on a device, or of one that the user's devices share."""

    user = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=50)
    # The id that the authenticator chose, and the key in the format of COSE.
    credential_id = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField()
    # How often the authenticator has signed; 0 if it does not count.
    sign_count = models.PositiveBigIntegerField(default=0)
    transports = models.JSONField(default=list)
    # Whether the key may be copied to other devices of the user, and whether it is. The first never changes.
    is_backup_eligible = models.BooleanField()
    is_backed_up = models.BooleanField()
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class SpentChallenge(models.Model):
    """A challenge that a passkey has answered, kept as a digest until it expires, so that it is answered once."""

    digest = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.digest


class Erasure(LeasedJob):
    """An account that is to be erased, until nothing of it is left. It refers to nobody, since the account's row goes
    before it does, in the same transaction."""

    user_id = models.UUIDField(primary_key=True)
    next_attempt_at = models.DateTimeField(null=True, db_column="ring_at")
    created_at = models.DateTimeField(db_default=Now())

    objects = LeasedJobQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["next_attempt_at"], name="erasures_to_ring_for")]

    def __str__(self) -> str:
        return str(self.user_id)


class DataExport(UUIDModel, LeasedJob):
    """An archive of all that is held on a person, from the wish for it to the end of its link.

    `secret` names the object of the present attempt; another attempt has another one, so that what a dead worker may
    have left is known. A finished export with a `next_attempt_at` waits for its mail.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        PROCESSING = "processing"
        READY = "ready"
        EXPIRED = "expired"
        FAILED = "failed"

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    next_attempt_at = models.DateTimeField(null=True, db_column="ring_at")
    secret = models.CharField(max_length=64, blank=True)
    bytes = models.PositiveBigIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    objects = DataExportQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="exports_by_user"),
            models.Index(
                fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="exports_to_ring_for"
            ),
            models.Index(fields=["expires_at"], condition=Q(status="ready"), name="exports_by_expiry"),
            models.Index(fields=["secret"], condition=~Q(secret=""), name="exports_by_secret"),
            models.Index(fields=["status", "-id"], name="exports_by_status"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(status__in=["pending", "processing"]), name="one_export_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | (Q(expires_at__isnull=False) & ~Q(secret="")),
                name="ready_export_is_complete",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


# ── Registration ─────────────────────────────────────────────────────────────────────────────────────────
class Invitation(UUIDModel):
    """A code with which `max_uses` people may sign up. See `invitations.py`."""

    code = models.CharField(max_length=32, unique=True, default=make_invitation_code)
    creator = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    # Made by the operator in the console: it works whatever the registration mode is.
    by_operator = models.BooleanField(default=False, db_default=False)
    max_uses = models.PositiveSmallIntegerField()
    uses = models.PositiveSmallIntegerField(default=0, db_default=0)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(max_uses__gte=1), name="invitation_has_uses"),
            models.CheckConstraint(condition=Q(uses__lte=models.F("max_uses")), name="invitation_is_not_overused"),
        ]
        indexes = [
            models.Index(fields=["creator", "-id"], name="invitations_by_creator"),
            models.Index(fields=["expires_at"], name="invitations_by_expiry"),
        ]

    def __str__(self) -> str:
        return self.code


class InvitationUse(UUIDModel):
    """An account that was created with an invitation."""

    invitation = models.ForeignKey(Invitation, models.CASCADE, related_name="people")
    user = models.OneToOneField(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.user_id)


class Application(UUIDModel):
    """The wish for an account while moderators decide on each sign-up. See `applications.py`."""

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"

    user = models.OneToOneField(User, models.CASCADE, related_name="+")
    reason = models.CharField(max_length=1000)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    # The reason of the decision, which the applicant sees.
    note = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="pending", decided_at__isnull=True)
                | Q(status__in=["approved", "rejected"], decided_at__isnull=False),
                name="application_is_pending_or_decided_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["status", "-id"], name="applications_by_status")]

    def __str__(self) -> str:
        return str(self.user_id)


class EmailDomain(UUIDModel):
    """A domain, with its subdomains, whose e-mail addresses are refused or accepted. See `email_domains.py`."""

    class Effect(models.TextChoices):
        BLOCK = "block", "Refuse addresses"
        ALLOW = "allow", "Accept addresses, although the list of disposable domains has it"

    # In lower case and Punycode.
    domain = models.CharField(max_length=253, unique=True)
    effect = models.CharField(max_length=10, choices=Effect.choices)
    reason = models.CharField(max_length=1000)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "e-mail domain"
        constraints = [
            models.CheckConstraint(condition=Q(effect__in=["block", "allow"]), name="email_domain_effect_is_known"),
        ]

    def __str__(self) -> str:
        return self.domain
