from apps.core import privacy


class FeedConfig(privacy.ContextConfig):
    """The home feed and explore."""

    name = "apps.feed"

    def ready(self) -> None:
        from apps.feed import gauges, receivers  # noqa: F401

        gauges.register()
