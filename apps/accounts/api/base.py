"""What the views of the current user's own account share."""

from typing import cast
from uuid import UUID

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts import confirmation
from apps.accounts.models import User
from apps.accounts.tokens import AccessToken
from apps.core.api.views import BaseViewSet


def load_user(user_id: UUID) -> User:
    """The account with all fields and its avatar; `request.user` has only the fields of the session cache."""
    user: User = User.objects.owned_by(user_id).get()
    return user


def session_id_of(request: Request) -> UUID:
    """The session of the access token."""
    return cast(AccessToken, request.auth).session_id


class AccountViewSet(BaseViewSet):
    def load_account(self) -> User:
        """The current user, as `load_user`."""
        return load_user(self.caller_id)

    @property
    def session_id(self) -> UUID:
        return session_id_of(self.request)


class IdentityConfirmed(BasePermission):
    """Raises ConfirmationRequired unless the user has confirmed their identity in the session recently."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        confirmation.require(cast(User, request.user).pk, session_id_of(request))
        return True
