from apps.core import privacy


class ConsoleConfig(privacy.NoUserDataConfig):
    """The pages of the admin that belong to no single app. Has no tables."""

    name = "apps.console"

    def ready(self) -> None:
        """Connect the receivers of sign-ins, which the middleware would import only with the first request."""
        from apps.accounts.api import console_sessions  # noqa: F401
