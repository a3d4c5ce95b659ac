from uuid import UUID

from apps.core import privacy


class DemoConfig(privacy.ContextConfig):
    """Sample data for development, created with the services of the other apps. It has no tables."""

    name = "demo"

    def erase_user(self, user_id: UUID) -> None:
        """No user data is stored here."""

    def export_user(self, user_id: UUID) -> privacy.Export:
        """No user data is stored here."""
        yield from ()
