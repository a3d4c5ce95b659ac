from uuid import UUID

from apps.core import contexts


class SocialConfig(contexts.Context):
    """Who follows, blocks and mutes whom."""

    name = "apps.social"

    def ready(self) -> None:
        from apps.social import receivers  # noqa: F401

    def erase_user(self, user_id: UUID) -> None:
        from apps.social import person

        person.erase(user_id)

    def export_user(self, user_id: UUID) -> contexts.Export:
        from apps.social import person

        return person.export(user_id)
