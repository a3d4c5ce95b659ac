"""The kernel: what every context stands on, and no business rule."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"

    def ready(self) -> None:
        # Importing them registers system checks, signals, and what `doctor` examines.
        from apps.core.ops import checks, examinations, gauges  # noqa: F401
        from apps.core.tasks import heartbeats, propagation  # noqa: F401

        heartbeats.watch()
        gauges.register()
