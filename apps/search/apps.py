from uuid import UUID

from apps.core import privacy


class SearchConfig(privacy.ContextConfig):
    """Search for people, posts and tags."""

    name = "apps.search"

    def erase_user(self, user_id: UUID) -> None:
        """This app stores nothing about users."""

    def export_user(self, user_id: UUID) -> privacy.Export:
        return iter(())
