from uuid import UUID

from apps.core import contexts


class DemoConfig(contexts.Context):
    """A believable world for a first look, made by the verbs of the apps below. Has no tables."""

    name = "apps.demo"

    def erase_user(self, user_id: UUID) -> None:
        """Nothing is held here on anybody."""

    def export_user(self, user_id: UUID) -> contexts.Export:
        """Nothing is held here on anybody."""
        yield from ()
