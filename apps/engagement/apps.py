from uuid import UUID

from apps.core import contexts


class EngagementConfig(contexts.Context):
    """Likes, comments, saves."""

    name = "apps.engagement"

    def ready(self) -> None:
        from apps.engagement import counters  # noqa: F401  (the repair job knows the counters that are declared)

    def erase_user(self, user_id: UUID) -> None:
        from apps.engagement import person

        person.erase(user_id)

    def export_user(self, user_id: UUID) -> contexts.Export:
        from apps.engagement import person

        return person.export(user_id)
