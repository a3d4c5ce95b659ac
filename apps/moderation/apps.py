from django.db.models.signals import post_migrate

from apps.core import privacy


class ModerationConfig(privacy.ContextConfig):
    """Reports, takedowns, suspensions, appeals and the audit."""

    name = "apps.moderation"

    def ready(self) -> None:
        from apps.moderation import gauges, receivers, roles  # noqa: F401

        gauges.register()
        post_migrate.connect(roles.ensure, sender=self)
