from uuid import UUID

from apps.core import contexts


class ModerationConfig(contexts.Context):
    """Flags, takedowns, suspensions, appeals, audit."""

    name = "apps.moderation"

    def erase_user(self, user_id: UUID) -> None:
        """Nothing is held."""

    def export_user(self, user_id: UUID) -> contexts.Export:
        return iter(())
