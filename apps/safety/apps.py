from django.db.models.signals import post_migrate

from apps.core import privacy


class SafetyConfig(privacy.NoUserDataConfig):
    """Rules for what may not be published."""

    name = "apps.safety"

    def ready(self) -> None:
        from apps.safety import receivers

        post_migrate.connect(receivers.ensure_limits, sender=self)
