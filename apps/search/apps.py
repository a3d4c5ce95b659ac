from uuid import UUID

from apps.core import contexts


class SearchConfig(contexts.Context):
    """People, posts and tags by text."""

    name = "apps.search"

    def erase_user(self, user_id: UUID) -> None:
        """Nothing is held."""

    def export_user(self, user_id: UUID) -> contexts.Export:
        return iter(())
