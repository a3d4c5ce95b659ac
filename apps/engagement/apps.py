from uuid import UUID

from apps.core import contexts


class EngagementConfig(contexts.Context):
    """Likes, comments, saves."""

    name = "apps.engagement"

    def erase_user(self, user_id: UUID) -> None:
        from apps.engagement import person

        person.erase(user_id)

    def export_user(self, user_id: UUID) -> contexts.Export:
        from apps.engagement import person

        return person.export(user_id)
