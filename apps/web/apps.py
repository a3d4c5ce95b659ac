from uuid import UUID

from apps.core import privacy


class WebConfig(privacy.ContextConfig):
    """The pages of members. Has no tables."""

    name = "apps.web"

    def erase_user(self, user_id: UUID) -> None:
        """No user data is stored here."""

    def export_user(self, user_id: UUID) -> privacy.Export:
        """No user data is stored here."""
        yield from ()
