"""The kernel: what every context stands on, and no business rule."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"

    def ready(self) -> None:
        from apps.core import checks, gauges, heartbeats, propagation  # noqa: F401  (register checks, signals)

        heartbeats.watch()
        gauges.register()
