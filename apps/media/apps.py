from uuid import UUID

from apps.core import contexts


class MediaConfig(contexts.Context):
    """Uploaded photos and their variants."""

    name = "apps.media"

    def ready(self) -> None:
        from apps.core import health
        from apps.media import examinations, gauges, storage  # noqa: F401

        gauges.register()
        health.register("storage", storage.ping, needed=False)

    def erase_user(self, user_id: UUID) -> None:
        from apps.media import person

        person.erase(user_id)

    def export_user(self, user_id: UUID) -> contexts.Export:
        from apps.media import person

        return person.export(user_id)
