"""Counts attempts to sign in, through the API and the console together, by address and by account."""

from apps.accounts import services
from apps.accounts.models import Session, User
from apps.core import limits
from apps.core.db.ids import new_id


def count_attempt(login: str, *, address: str) -> User | None:
    """Count the attempt against the address and the account. Returns the account, or None. Raises TooManyRequests."""
    limits.require("sign_in_address", address)
    user = services.find_by_login(login)
    limits.require("sign_in_account", _bucket(user, login, address))
    return user


def _bucket(user: User | None, login: str, address: str) -> str:
    """The key under which the attempt is counted. An address that has signed in to the account before has a count of
    its own, so that guesses from other addresses cannot lock the owner out."""
    account = str(user.pk) if user else login.strip().lower()[:254]
    # Asked for an unknown login as well, so that both take as long.
    owner = user.pk if user else new_id()
    known = Session.objects.owned_by(owner).filter(address=address).exists()
    return f"{account}:{address}" if known else account
