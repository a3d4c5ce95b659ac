from uuid import UUID

from apps.core import privacy


class EngagementConfig(privacy.ContextConfig):
    """Likes, comments, saves."""

    name = "apps.engagement"

    def ready(self) -> None:
        from apps.engagement import counters  # noqa: F401  (the repair job knows the counters that are declared)

    def erase_user(self, user_id: UUID) -> None:
        from apps.engagement.privacy import erase

        erase(user_id)

    def export_user(self, user_id: UUID) -> privacy.Export:
        from apps.engagement.privacy import export

        return export(user_id)
