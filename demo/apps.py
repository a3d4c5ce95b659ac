from apps.core import privacy


class DemoConfig(privacy.NoUserDataConfig):
    """Sample data for development, created with the services of the other apps. It has no tables."""

    name = "demo"
