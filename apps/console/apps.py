from uuid import UUID

from apps.core import privacy


class ConsoleConfig(privacy.ContextConfig):
    """The pages of the admin that belong to no single app. Has no tables."""

    name = "apps.console"

    def ready(self) -> None:
        """Connect the receivers of sign-ins, which the middleware would import only with the first request."""
        from apps.accounts.api import console_sessions  # noqa: F401

    def erase_user(self, user_id: UUID) -> None:
        """No user data is stored here."""

    def export_user(self, user_id: UUID) -> privacy.Export:
        """No user data is stored here."""
        yield from ()
