from uuid import UUID

from apps.core import contexts


class AccountsConfig(contexts.Context):
    """Who you are: account, profile, sessions."""

    name = "apps.accounts"

    def ready(self) -> None:
        from apps.accounts import exports
        from apps.media import inventory

        inventory.register(exports.FOLDER, exports.known)

    def erase_user(self, user_id: UUID) -> None:
        from apps.accounts import person

        person.erase(user_id)

    def export_user(self, user_id: UUID) -> contexts.Export:
        from apps.accounts import person

        return person.export(user_id)
