from apps.core import privacy


class ContentConfig(privacy.ContextConfig):
    """Posts, tags, mentions, and who may see them."""

    name = "apps.content"

    def ready(self) -> None:
        from apps.content import receivers  # noqa: F401
