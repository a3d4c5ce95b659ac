from apps.core import privacy


class EngagementConfig(privacy.ContextConfig):
    """Likes, comments, saves."""

    name = "apps.engagement"

    def ready(self) -> None:
        from apps.engagement import counters  # noqa: F401  (the repair job knows the counters that are declared)
