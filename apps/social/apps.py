from uuid import UUID

from apps.core import privacy


class SocialConfig(privacy.ContextConfig):
    """Follows, blocks and mutes."""

    name = "apps.social"

    def ready(self) -> None:
        from apps.social import receivers  # noqa: F401

    def erase_user(self, user_id: UUID) -> None:
        from apps.social.privacy import erase

        erase(user_id)

    def export_user(self, user_id: UUID) -> privacy.Export:
        from apps.social.privacy import export

        return export(user_id)
