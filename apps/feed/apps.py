from uuid import UUID

from apps.core import privacy


class FeedConfig(privacy.ContextConfig):
    """The home feed and explore."""

    name = "apps.feed"

    def ready(self) -> None:
        from apps.feed import gauges, receivers  # noqa: F401

        gauges.register()

    def erase_user(self, user_id: UUID) -> None:
        from apps.feed.privacy import erase

        erase(user_id)

    def export_user(self, user_id: UUID) -> privacy.Export:
        from apps.feed.privacy import export

        return export(user_id)
