from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts import two_factor
from apps.core.errors import Forbidden
from apps.moderation.services import require_moderator


class IsModerator(BasePermission):
    """Refuses other users before anything is looked up, so that the API does not reveal what exists."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises ModeratorRequired, TwoFactorRequired."""
        if request.user.pk is None:
            return False
        try:
            if two_factor.withholds_rank(request.user):
                raise two_factor.TwoFactorRequired
            require_moderator(request.user)
        except Forbidden:
            # A refused call counts against the rate limits as any other.
            view.check_throttles(request)
            raise
        return True
