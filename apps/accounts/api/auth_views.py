"""Sign in, stay signed in, sign out."""

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services, tokens
from apps.accounts.api import attempts, schemas
from apps.accounts.api.bodies import AskForReset, ChangePassword, ConfirmEmail, ResetPassword, Revoke, SignIn
from apps.accounts.api.cards import me_card, session_card
from apps.accounts.models import Session, User
from apps.accounts.tokens import AccessToken
from apps.core import limits
from apps.core.api.addresses import client_address
from apps.core.api.pagination import Window, newest_first, page
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.errors import NotFound, Refusal
from apps.moderation import permissions as staff


class AuthEndpoint(Endpoint):
    open_to_all = frozenset({"token", "reset", "reset_confirm", "confirm"})
    bodies = {
        "token": SignIn,
        "revoke": Revoke,
        "password": ChangePassword,
        "reset": AskForReset,
        "reset_confirm": ResetPassword,
        "confirm": ConfirmEmail,
    }
    etag_actions = frozenset({"me"})

    @property
    def session_id(self) -> UUID:
        return cast(AccessToken, self.request.auth).session_id

    @documented(
        summary="Sign in, or renew the tokens",
        request=SignIn,
        responses={200: schemas.TokenPair},
        errors=[
            services.InvalidCredentials,
            services.AccountSuspended,
            services.InvalidRefreshToken,
            services.TokenReused,
        ],
    )
    def token(self, request: Request) -> Response:
        body = self.body(request)
        if body["grant_type"] == "refresh_token":
            limits.require("token", client_address(request))
            session, refresh = services.refresh(body["refresh"])
        else:
            session = self._sign_in(request, body)
            refresh = tokens.refresh_token(session, session.generation)
        return Response(
            {
                "access": tokens.access_token(session),
                "refresh": refresh,
                "token_type": "Bearer",
                "expires_in": int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
                "session_id": session.pk,
                "user": me_card(session.user),
            }
        )

    def _sign_in(self, request: Request, body: dict[str, Any]) -> Session:
        address = client_address(request)
        session = services.sign_in(
            attempts.count_attempt(body["login"], address=address),
            password=body["password"],
            device_name=body.get("device_name", ""),
            address=address,
            user_agent=_printable(request.headers.get("User-Agent", "")),
        )
        if code := body.get("code"):
            self._show_second_factor(session, code)
        return session

    @staticmethod
    def _show_second_factor(session: Session, code: str) -> None:
        """Attempts are counted of those alone who know the password: others could keep the owner out. And outside of a
        transaction, so that they stay counted. Nobody has been given the tokens of a session that is refused."""
        try:
            limits.require("two_factor", str(session.user_id))
            staff.show_second_factor(session, code=code)
        except Refusal:
            session.delete()
            raise

    @documented(summary="End the present session, another of one's own, or all", request=Revoke, responses={204: None})
    def revoke(self, request: Request) -> Response:
        body = self.body(request)
        if body.get("all"):
            services.end_all_sessions(self.caller_id)
        else:
            session_id = body.get("session_id", self.session_id)
            known = Session.objects.owned_by(self.caller_id).filter(pk=session_id).exists()
            if not known:
                raise NotFound
            services.end_session(self.caller_id, session_id)
        return Response(status=204)

    @documented(summary="Oneself", responses={200: schemas.Me})
    def me(self, request: Request) -> Response:
        return Response(me_card(whole(self.caller_id)))

    @documented(summary="One's live sessions, newest first", page_of=schemas.Session)
    def sessions(self, request: Request) -> Response:
        window = Window.of(request, "sessions")
        rows = newest_first(Session.objects.owned_by(self.caller_id).live(), window)
        return Response(
            page(
                rows,
                window,
                position=lambda row: [row.pk],
                card=lambda row: session_card(row, current=row.pk == self.session_id),
            )
        )

    @documented(
        summary="Change one's password; all other sessions end",
        request=ChangePassword,
        responses={204: None},
        errors=[services.WrongPassword],
    )
    def password(self, request: Request) -> Response:
        body = self.body(request)
        limits.require("password", str(self.caller_id))
        services.change_password(
            whole(self.caller_id),
            current=body["current_password"],
            new=body["new_password"],
            session_id=self.session_id,
        )
        return Response(status=204)

    @documented(summary="Ask for a mail to set a new password", request=AskForReset, responses={202: None})
    def reset(self, request: Request) -> Response:
        email = self.body(request)["email"]
        limits.require("mail_address", client_address(request))
        limits.require("mail_account", f"reset:{email.strip().lower()}")
        services.request_password_reset(email)
        return Response(status=202)

    @documented(
        summary="Set a new password with the mailed token",
        request=ResetPassword,
        responses={204: None},
        errors=[services.InvalidLink],
    )
    def reset_confirm(self, request: Request) -> Response:
        body = self.body(request)
        limits.require("token", client_address(request))
        services.reset_password(token=body["token"], new=body["new_password"])
        return Response(status=204)

    @documented(
        summary="Confirm one's e-mail address with the mailed token",
        request=ConfirmEmail,
        responses={204: None},
        errors=[services.InvalidLink],
    )
    def confirm(self, request: Request) -> Response:
        body = self.body(request)
        limits.require("token", client_address(request))
        services.confirm_email(body["token"])
        return Response(status=204)

    @documented(summary="Send the confirmation mail again", responses={202: None})
    def resend(self, request: Request) -> Response:
        limits.require("mail_address", client_address(request))
        limits.require("mail_account", f"confirm:{self.caller_id}")
        services.resend_confirmation(whole(self.caller_id))
        return Response(status=202)


def whole(user_id: UUID) -> User:
    """The account with all its fields; the caller's own record holds only some."""
    user: User = User.objects.select_related("avatar").get(pk=user_id)
    return user


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
