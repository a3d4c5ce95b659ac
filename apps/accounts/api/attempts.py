"""Attempts to sign in, over the API and in the console: counted together, by address and by account."""

from apps.accounts import services
from apps.accounts.models import Session, User
from apps.core import limits


def count_attempt(login: str, *, address: str) -> User | None:
    """Count it against the address and the account, and return the account, if there is one. Raises TooManyRequests."""
    limits.require("sign_in_address", address)
    user = services.account_for(login)
    limits.require("sign_in_account", _bucket(user, login, address))
    return user


def _bucket(user: User | None, login: str, address: str) -> str:
    """Whom an attempt is counted against. An address that signed in to the account before has a count of its own, so
    that strangers guessing from elsewhere cannot lock the owner out."""
    account = str(user.pk) if user else login.strip().lower()[:254]
    known = user is not None and Session.objects.owned_by(user.pk).filter(address=address).exists()
    return f"{account}:{address}" if known else account
