from django.db.models.signals import post_migrate

from apps.core import privacy


class NotificationsConfig(privacy.ContextConfig):
    """The top of the stack: reacts to events of all other apps; no domain module imports it."""

    name = "apps.notifications"

    def ready(self) -> None:
        from apps.moderation import roles
        from apps.notifications import checks, gauges, receivers  # noqa: F401

        gauges.register()
        # The permissions for our models exist only after the migrations of moderation.
        post_migrate.connect(roles.ensure, sender=self)
