from uuid import UUID

from apps.core import contexts


class NotificationsConfig(contexts.Context):
    """Listens to everything, is called by nobody."""

    name = "apps.notifications"

    def erase_user(self, user_id: UUID) -> None:
        """Nothing is held."""

    def export_user(self, user_id: UUID) -> contexts.Export:
        return iter(())
