from uuid import UUID

from django.db.models.signals import post_migrate

from apps.core import contexts


class ModerationConfig(contexts.Context):
    """Flags, takedowns, suspensions, appeals, audit."""

    name = "apps.moderation"

    def ready(self) -> None:
        from apps.moderation import gauges, receivers, roles  # noqa: F401

        gauges.register()
        post_migrate.connect(roles.ensure, sender=self)

    def erase_user(self, user_id: UUID) -> None:
        from apps.moderation import person

        person.erase(user_id)

    def export_user(self, user_id: UUID) -> contexts.Export:
        from apps.moderation import person

        return person.export(user_id)
