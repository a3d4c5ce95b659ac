from uuid import UUID

from apps.core import contexts


class FeedConfig(contexts.Context):
    """The home timeline."""

    name = "apps.feed"

    def erase_user(self, user_id: UUID) -> None:
        """Nothing is held."""

    def export_user(self, user_id: UUID) -> contexts.Export:
        return iter(())
