from uuid import UUID

from apps.core import contexts


class ContentConfig(contexts.Context):
    """Posts, tags, mentions, and who may see them."""

    name = "apps.content"

    def ready(self) -> None:
        from apps.content import receivers  # noqa: F401

    def erase_user(self, user_id: UUID) -> None:
        from apps.content import person

        person.erase(user_id)

    def export_user(self, user_id: UUID) -> contexts.Export:
        from apps.content import person

        return person.export(user_id)
