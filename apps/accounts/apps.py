from uuid import UUID

from apps.core import privacy


class AccountsConfig(privacy.ContextConfig):
    """Accounts, profiles and sessions."""

    name = "apps.accounts"

    def ready(self) -> None:
        from apps.accounts import exports
        from apps.media import inventory

        inventory.register(exports.FOLDER, exports.known)

    def erase_user(self, user_id: UUID) -> None:
        from apps.accounts.privacy import erase

        erase(user_id)

    def export_user(self, user_id: UUID) -> privacy.Export:
        from apps.accounts.privacy import export

        return export(user_id)
