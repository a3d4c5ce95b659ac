from apps.core import privacy


class AccountsConfig(privacy.ContextConfig):
    """Accounts, profiles and sessions."""

    name = "apps.accounts"

    def ready(self) -> None:
        from apps.accounts import exports
        from apps.media import inventory

        inventory.register(exports.FOLDER, exports.known)
