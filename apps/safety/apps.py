from uuid import UUID

from django.db.models.signals import post_migrate

from apps.core import privacy


class SafetyConfig(privacy.ContextConfig):
    """Rules for what may not be published. The app holds no user data."""

    name = "apps.safety"

    def ready(self) -> None:
        from apps.safety import receivers

        post_migrate.connect(receivers.ensure_limits, sender=self)

    def erase_user(self, user_id: UUID) -> None:
        """The app holds no user data."""

    def export_user(self, user_id: UUID) -> privacy.Export:
        yield from ()
