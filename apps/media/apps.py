from apps.core import privacy


class MediaConfig(privacy.ContextConfig):
    """Uploaded photos and their variants."""

    name = "apps.media"

    def ready(self) -> None:
        from apps.core.ops import health
        from apps.media import checks, gauges, storage  # noqa: F401

        gauges.register()
        health.register("storage", storage.ping, needed=False, fault="object storage is down")
