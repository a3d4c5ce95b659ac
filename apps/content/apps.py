from uuid import UUID

from apps.core import privacy


class ContentConfig(privacy.ContextConfig):
    """Posts, tags, mentions, and who may see them."""

    name = "apps.content"

    def ready(self) -> None:
        from apps.content import receivers  # noqa: F401

    def erase_user(self, user_id: UUID) -> None:
        from apps.content.privacy import erase

        erase(user_id)

    def export_user(self, user_id: UUID) -> privacy.Export:
        from apps.content.privacy import export

        return export(user_id)
