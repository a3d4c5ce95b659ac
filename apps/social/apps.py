from apps.core import privacy


class SocialConfig(privacy.ContextConfig):
    """Follows, blocks and mutes."""

    name = "apps.social"

    def ready(self) -> None:
        from apps.social import receivers  # noqa: F401
