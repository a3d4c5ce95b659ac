from uuid import UUID

from django.db.models.signals import post_migrate

from apps.core import privacy


class SafetyConfig(privacy.ContextConfig):
    """What must not be published: the rules that every context below moderation asks. They are about no person."""

    name = "apps.safety"

    def ready(self) -> None:
        from apps.safety import receivers

        post_migrate.connect(receivers.ensure_limits, sender=self)

    def erase_user(self, user_id: UUID) -> None:
        """Nothing is held on anybody."""

    def export_user(self, user_id: UUID) -> privacy.Export:
        yield from ()
