"""Read rules of accounts."""

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import BaseUserManager
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from apps.core.db.ids import parse_id
from apps.core.tasks.leased import LeasedJobQuerySet

if TYPE_CHECKING:
    from apps.accounts.models import (  # noqa: F401  (forward references)
        Application,
        EmailChange,
        Invitation,
        SecurityEvent,
        Session,
        User,
    )


def wants_to_be_found(person: str = "") -> Q:
    """Condition: the owner of the account has not turned off the setting `discoverable`. `person`: the path to the
    account with its underscores, such as "author__"."""
    return ~Q(**{f"{person}settings__contains": {"discoverable": False}})


def is_in_reach(person: str = "") -> Q:
    """Condition: neither moderators nor its owner keep the account from being shown to users who have not asked for it.
    `person` as for `wants_to_be_found`."""
    return Q(**{f"{person}reach_limited": False}) & wants_to_be_found(person)


class UserQuerySet(QuerySet["User"]):
    def active(self) -> "UserQuerySet":
        """Accounts that other users may see: not suspended, not pending deletion or approval, not erased."""
        return self.filter(state="active")

    def inactive(self) -> "UserQuerySet":
        return self.exclude(state="active")

    def not_erased(self) -> "UserQuerySet":
        """Accounts in every state but erased, for moderators."""
        return self.exclude(state="erased")

    def who_want_to_be_found(self) -> "UserQuerySet":
        """Accounts whose owners have not turned off the setting `discoverable`."""
        return self.filter(wants_to_be_found())

    def in_reach(self) -> "UserQuerySet":
        """Accounts that the site shows to users who have not asked for them: in search and suggestions."""
        return self.filter(is_in_reach())

    def discoverable(self) -> "UserQuerySet":
        """Public accounts that search engines may index."""
        return self.active().filter(is_private=False).who_want_to_be_found()

    def owned_by(self, user_id: UUID) -> "UserQuerySet":
        """The account of this user, with its avatar."""
        return self.filter(pk=user_id).select_related("avatar")

    def by_login(self, login: str) -> "UserQuerySet":
        """By handle, with or without @, or by e-mail; both are stored in lower case."""
        wanted = login.strip().lower()
        if not wanted.isascii() or "\0" in wanted:
            return self.none()
        if "@" in wanted.removeprefix("@"):
            return self.filter(email=wanted)
        return self.filter(handle=wanted.removeprefix("@"))

    def named(self, who: str) -> "UserQuerySet":
        """By id, handle or e-mail address."""
        pk = parse_id(who)
        return self.filter(pk=pk) if pk else self.by_login(who)


class SessionQuerySet(QuerySet["Session"]):
    def live(self) -> "SessionQuerySet":
        """Sessions that have not ended. Console sessions end after CONSOLE_IDLE_TIMEOUT without a request."""
        now = timezone.now()
        idle = Q(kind="console", last_seen_at__lte=now - settings.CONSOLE_IDLE_TIMEOUT)
        return self.filter(~idle, ended_at__isnull=True, expires_at__gt=now)

    def owned_by(self, user_id: UUID) -> "SessionQuerySet":
        return self.filter(user_id=user_id)

    def opened_from(self, network: str) -> "SessionQuerySet":
        """Sessions that were opened from an address of this network, such as 2001:db8::/64 or 198.51.100.1."""
        addresses = ip_network(network)
        return self.filter(address__range=(str(addresses[0]), str(addresses[-1])))


class EmailChangeQuerySet(QuerySet["EmailChange"]):
    def owned_by(self, user_id: UUID) -> "EmailChangeQuerySet":
        return self.filter(user_id=user_id)

    def pending(self) -> "EmailChangeQuerySet":
        """Changes that the link to the new address confirms."""
        return self.filter(state="pending", expires_at__gt=timezone.now())

    def revertible(self) -> "EmailChangeQuerySet":
        """Changes that the link to the old address reverts."""
        return self.filter(state="confirmed", revert_until__gt=timezone.now())

    def reserving(self, email: str) -> "EmailChangeQuerySet":
        """Changes whose account can still take this address back."""
        return self.revertible().filter(old_email=email)


class SecurityEventQuerySet(QuerySet["SecurityEvent"]):
    def owned_by(self, user_id: UUID) -> "SecurityEventQuerySet":
        return self.filter(user_id=user_id)


class DataExportQuerySet(LeasedJobQuerySet):
    def owned_by(self, user_id: UUID) -> "DataExportQuerySet":
        return self.filter(user_id=user_id)

    def unfinished(self) -> "DataExportQuerySet":
        """Pending, or being made by a worker."""
        return self.filter(status__in=["pending", "processing"])

    def ready(self) -> "DataExportQuerySet":
        return self.filter(status="ready")


class InvitationQuerySet(QuerySet["Invitation"]):
    def owned_by(self, user_id: UUID) -> "InvitationQuerySet":
        return self.filter(creator_id=user_id)

    def open(self) -> "InvitationQuerySet":
        """Neither used up, nor expired or revoked. All conditions are on the row itself (`invitations.redeem`)."""
        return self.filter(uses__lt=F("max_uses"), expires_at__gt=timezone.now(), revoked_at__isnull=True)


class ApplicationQuerySet(QuerySet["Application"]):
    def pending(self) -> "ApplicationQuerySet":
        """Not decided yet, and the account is not being erased."""
        return self.filter(status="pending", user__state="pending")

    def listed(self) -> "ApplicationQuerySet":
        """All applications, for moderators, with the applicant and the moderator who decided."""
        return self.select_related("user__avatar", "decided_by__avatar")


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    """`create_superuser` for Django's command; `services.sign_up` creates all other accounts."""

    def create_superuser(self, handle: str, email: str, password: str, **fields: Any) -> "User":
        user: User = self.model(handle=handle.lower(), email=email.lower(), is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        user: User = self.get(handle=(username or "").lower())
        return user
