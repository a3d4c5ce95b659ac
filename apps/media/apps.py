from uuid import UUID

from apps.core import privacy


class MediaConfig(privacy.ContextConfig):
    """Uploaded photos and their variants."""

    name = "apps.media"

    def ready(self) -> None:
        from apps.core.ops import health
        from apps.media import checks, gauges, storage  # noqa: F401

        gauges.register()
        health.register("storage", storage.ping, needed=False, fault="object storage is down")

    def erase_user(self, user_id: UUID) -> None:
        from apps.media.privacy import erase

        erase(user_id)

    def export_user(self, user_id: UUID) -> privacy.Export:
        from apps.media.privacy import export

        return export(user_id)
