"""Counts attempts to sign in, through the API and the console together, by address and by account."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts import passkeys, refresh_tokens, services
from apps.accounts.models import Session, User
from apps.core import limits
from apps.core.api.addresses import client_network
from apps.core.api.throttling import Bucket, SecretRateLimit

# The id of no account.
NO_ID = UUID(int=0)
# The length of an e-mail address.
LONGEST_LOGIN = 254


def count_attempt(request: HttpRequest | Request, login: str) -> User | None:
    """Count an attempt to sign in. Returns the account, or None for an unknown login. Raises TooManyRequests.

    From a network from which the account has signed in before, attempts are counted for the two together. So neither
    guesses from elsewhere nor neighbours who sign in to other accounts lock the owner out.
    """
    user, network = services.find_by_login(login), client_network(request)
    if own := _known_caller_of(user, network):
        limits.require("sign_in_account", own)
    else:
        limits.require("sign_in_address", network)
        limits.require("sign_in_account", str(user.pk) if user else login.strip().lower()[:LONGEST_LOGIN])
    return user


def count_second_factor(request: HttpRequest | Request, user_id: UUID) -> None:
    """Count an attempt to use a second factor by account and, as attempts to sign in are, by address.

    Call it only after the password was right, because otherwise anyone could lock the user out. Raises TooManyRequests.
    """
    network = client_network(request)
    if known_caller(user_id, network) is None:
        limits.require("sign_in_address", network)
    limits.require("two_factor", str(user_id))


def count_passkey(request: HttpRequest | Request, credential: dict[str, Any]) -> None:
    """Count an attempt to sign in with a passkey alone, by address and by account as those with a password are.

    It does not count as an attempt to use a second factor: the id of a passkey is no secret. Raises TooManyRequests.
    """
    owner_id, network = passkeys.find_owner(credential), client_network(request)
    if own := known_caller(owner_id or NO_ID, network):
        limits.require("sign_in_account", f"passkey:{own}")
    else:
        limits.require("sign_in_address", network)
        if owner_id:
            limits.require("sign_in_account", f"passkey:{owner_id}")


def count_email_change(request: HttpRequest | Request, user: User, email: str) -> None:
    """Count a request to change the address of an account to `email`. Raises TooManyRequests.

    It checks a password and sends a mail to an address of the caller's choice. While the present address is not
    confirmed, it reveals whether there is an account with the other one, as sign-up does, and is counted like that.
    """
    network = client_network(request)
    limits.require("password", str(user.pk))
    limits.require("mail_address", known_caller(user.pk, network) or network)
    limits.require("mail_account", f"change_email:{user.pk}")
    limits.require("mail_account", f"change_email:{email}")
    if user.email_verified_at is None:
        limits.require("sign_up", network)


def count_confirmation_mail(request: HttpRequest | Request, user_id: UUID) -> None:
    """Count a request for another confirmation mail. Raises TooManyRequests."""
    network = client_network(request)
    limits.require("mail_address", known_caller(user_id, network) or network)
    limits.require("mail_account", f"confirm:{user_id}")


def count_reset_mail(request: HttpRequest | Request, email: str) -> None:
    """Count a request for the mail with which a password is reset. Raises TooManyRequests."""
    limits.require("mail_address", client_network(request))
    limits.require("mail_account", f"reset:{email.strip().lower()}")


class CredentialRateLimit(SecretRateLimit):
    """The limit of sign-in, refresh tokens and the links of mails."""

    def get_secret_bucket(self, request: Request, view: APIView, body: dict[str, Any]) -> Bucket | None:
        network = client_network(request)
        match body:
            case {"grant_type": "refresh_token", "refresh": str(secret)}:
                found = refresh_tokens.find_session(secret)
                return ("refresh", str(found[0].pk)) if found else ("token", network)
            case {"token": str(secret)}:
                return "token", link_caller(request, secret)
            case {"login": str(login)} if len(login) <= LONGEST_LOGIN:
                own = _known_caller_of(services.find_by_login(login), network)
                # `count_attempt` counts it more strictly.
                return ("anonymous", own) if own else None
        return None


def link_caller(request: HttpRequest | Request, token: str) -> str | None:
    """By whom the redeeming of a mailed link is counted in the scope "token": its account, or the caller's network."""
    owner_id = services.find_link_owner(token)
    return str(owner_id) if owner_id else client_network(request)


def _known_caller_of(user: User | None, network: str | None) -> str | None:
    """`known_caller` of an account. An unknown login takes the same queries, so that it takes the same time."""
    return known_caller(user.pk if user else NO_ID, network)


def known_caller(user_id: UUID, network: str | None) -> str | None:
    """The key by which an account is counted in a network from which it has signed in before. None for any other."""
    known = network is not None and Session.objects.owned_by(user_id).opened_from(network).exists()
    return f"{user_id}:{network}" if known else None
