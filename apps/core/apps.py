"""The kernel: what every context stands on, and no business rule."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"

    def ready(self) -> None:
        # Importing these modules registers system checks and signal handlers.
        from apps.core import checks  # noqa: F401
        from apps.core.ops import checks as installation_checks  # noqa: F401
        from apps.core.ops import gauges
        from apps.core.tasks import heartbeats, propagation  # noqa: F401

        heartbeats.watch()
        gauges.register()
