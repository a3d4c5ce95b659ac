"""The read side of accounts."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.base_user import BaseUserManager
from django.db.models import QuerySet

if TYPE_CHECKING:
    from apps.accounts.models import User


class UserQuerySet(QuerySet["User"]):
    def standing(self) -> "UserQuerySet":
        """Accounts that others may meet: neither suspended nor leaving nor erased."""
        return self.filter(state="active")

    def by_login(self, login: str) -> "UserQuerySet":
        """By handle or e-mail, compared as both are stored: without regard to case."""
        if "@" in login.strip("@"):
            return self.filter(email__iexact=login)
        return self.filter(handle=login.lstrip("@").lower())


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    """`create_superuser` for Django's command; everybody else is made by `services.sign_up`."""

    def create_superuser(self, handle: str, email: str, password: str, **fields: Any) -> "User":
        user: User = self.model(handle=handle.lower(), email=email, is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        user: User = self.get(handle=(username or "").lower())
        return user


def pk_or_none(text: str) -> UUID | None:
    """The UUID that `text` spells canonically, or None."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text else None
