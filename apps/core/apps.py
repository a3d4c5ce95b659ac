"""The kernel: what every context stands on, and no business rule."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"

    def ready(self) -> None:
        from apps.core import checks, examinations, heartbeats  # noqa: F401  (they register what they check)

        heartbeats.watch()
