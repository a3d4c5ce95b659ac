from uuid import UUID

from apps.core import privacy


class SearchConfig(privacy.ContextConfig):
    """People, posts and tags by text."""

    name = "apps.search"

    def erase_user(self, user_id: UUID) -> None:
        """Nothing is held."""

    def export_user(self, user_id: UUID) -> privacy.Export:
        return iter(())
