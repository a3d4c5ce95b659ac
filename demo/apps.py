from uuid import UUID

from apps.core import privacy


class DemoConfig(privacy.ContextConfig):
    """A believable world for a first look, made by the verbs of the apps below. Has no tables."""

    name = "demo"

    def erase_user(self, user_id: UUID) -> None:
        """Nothing is held here on anybody."""

    def export_user(self, user_id: UUID) -> privacy.Export:
        """Nothing is held here on anybody."""
        yield from ()
