from uuid import UUID

from apps.core import contexts


class AccountsConfig(contexts.Context):
    """Who you are: account, profile, sessions."""

    name = "apps.accounts"

    def erase_user(self, user_id: UUID) -> None:
        from apps.accounts import person

        person.erase(user_id)

    def export_user(self, user_id: UUID) -> contexts.Export:
        from apps.accounts import person

        return person.export(user_id)
