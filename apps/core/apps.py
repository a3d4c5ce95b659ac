"""The kernel: what every context stands on, and no business rule."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"

    def ready(self) -> None:
        from apps.core import checks, heartbeats  # noqa: F401  (registers the system checks)

        heartbeats.watch()
