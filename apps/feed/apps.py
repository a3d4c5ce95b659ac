from uuid import UUID

from apps.core import contexts


class FeedConfig(contexts.Context):
    """The home timeline."""

    name = "apps.feed"

    def ready(self) -> None:
        from apps.feed import gauges, receivers  # noqa: F401

        gauges.register()

    def erase_user(self, user_id: UUID) -> None:
        from apps.feed import person

        person.erase(user_id)

    def export_user(self, user_id: UUID) -> contexts.Export:
        from apps.feed import person

        return person.export(user_id)
