"""What only moderators get: their calls, and their doors to what others cannot find."""

from typing import Any, cast

from rest_framework.request import Request

from apps.accounts import two_factor
from apps.accounts.models import User
from apps.core.api.views import Endpoint
from apps.core.errors import NotFound
from apps.moderation.services import require_moderator
from apps.social.api.profiles import filter_by_identifier


class ModeratorEndpoint(Endpoint):
    """For moderators: everybody else is refused before anything is looked up, so that nobody learns what there is."""

    @property
    def moderator(self) -> User:
        return cast(User, self.request.user)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The refusal counts against the limits as any other call. Raises ModeratorRequired, TwoFactorRequired."""
        super().initial(request, *args, **kwargs)
        if self.action is not None:  # else it will be 405, for anybody
            if two_factor.withholds_rank(self.moderator):
                raise two_factor.TwoFactorRequired
            require_moderator(self.moderator)


def find_any_person(request: Request, spelled: str) -> User:
    """Also who is suspended, leaving, or has a block between them and the moderator. Raises NotFound."""
    everybody = User.objects.all().exclude(state=User.State.ERASED)
    person: User | None = filter_by_identifier(everybody, request, spelled).first()
    if person is None:
        raise NotFound
    return person
