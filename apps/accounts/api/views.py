"""Sign-in and sessions, profiles, and the data export."""

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from apps.accounts import (
    changes,
    exports,
    invitations,
    passkeys,
    proof_of_work,
    refresh_tokens,
    registration,
    services,
    tokens,
    two_factor,
)
from apps.accounts.api import attempts, second_step, serializers
from apps.accounts.api.authentication import is_moderator
from apps.accounts.api.base import AccountViewSet, load_user
from apps.accounts.api.clients import describe_client
from apps.accounts.models import SecurityEvent, Session, User
from apps.core import limits
from apps.core.api.idempotency import idempotent
from apps.core.api.schema import documented
from apps.core.errors import Forbidden
from apps.safety.terms import BlockedText
from apps.social.api.batches import TooManyIds, parse_ids
from apps.social.api.profiles import get_profile_or_404
from apps.social.api.serializers import serialize_profile
from apps.social.reads import find_profiles

# For actions of callers who have no valid access token. Clients that send their last one with every request must
# not fail here, so the Authorization header is ignored.
OPEN: dict[str, Any] = {"authentication_classes": [], "permission_classes": [AllowAny]}
OPEN_WITH_SECRET = OPEN | {"throttle_classes": [attempts.CredentialRateLimit]}


@extend_schema(tags=["Authentication"])
class AuthViewSet(AccountViewSet):
    etag_actions = frozenset({"me"})
    restricted_actions = frozenset({"me", "revoke"})

    def get_serializer_class(self) -> type[BaseSerializer[Any]] | None:  # type: ignore[override]
        if self.action == "change_email":
            return serializers.ChangeEmailSerializer
        if self.action != "token":
            return super().get_serializer_class()
        grant_type = cast(dict[str, Any], self.request.data).get("grant_type")
        known = isinstance(grant_type, str) and grant_type in serializers.SIGN_IN
        return serializers.SIGN_IN[cast(str, grant_type) if known else "password"]

    @documented(
        operation_id="signIn",
        summary="Sign in, or refresh the tokens",
        description="By password, by passkey, or by the refresh token of an earlier response. Users with a second "
        "factor complete a sign-in by password in a second request: the error `second_factor_required` has the "
        "`challenge` to send back, how many seconds it is valid (`expires_in`), the available `methods` and "
        "`passkey_options`.\n\nSigning in cancels a pending deletion of the account. A deactivated account is refused "
        "unless the body has `reactivate`, and a suspended one unless it has `restricted`. The tokens of a restricted "
        "session read `GET /v1/auth/me`, which has the reason, and decisions of moderators, appeal, request and read a "
        "data export, delete the account, and sign out. Every other call is answered with 403 `account_suspended`.",
        request=PolymorphicProxySerializer(
            component_name="SignIn", serializers={**serializers.SIGN_IN}, resource_type_field_name="grant_type"
        ),
        responses={200: serializers.TokenPairSerializer},
        errors=[
            services.InvalidCredentials,
            services.AccountDeactivated,
            services.AccountSuspended,
            services.AccountPending,
            services.ApplicationRejected,
            services.InvalidRefreshToken,
            services.TokenReused,
            two_factor.SecondFactorRequired,
            two_factor.TwoFactorRequired,
            two_factor.WrongCode,
            second_step.InvalidChallenge,
            passkeys.InvalidPasskey,
        ],
    )
    @action(detail=False, methods=["post"], **OPEN_WITH_SECRET)
    def token(self, request: Request) -> Response:
        body = self.get_validated_data()
        if "refresh" in body:
            session, refresh = services.refresh(body["refresh"])
        else:
            session = self._sign_in(request, body)
            refresh = refresh_tokens.issue(session, session.generation)
        pair = {
            "access": tokens.access_token(session),
            "refresh": refresh,
            "token_type": "Bearer",
            "expires_in": int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
            "session_id": session.pk,
            "user": session.user,
        }
        return Response(serializers.TokenPairSerializer(pair).data)

    def _sign_in(self, request: Request, body: dict[str, Any]) -> Session:
        answers = second_step.Answers(
            restricted=body.get("restricted", False), reactivate=body.get("reactivate", False)
        )
        match body.get("grant_type"):
            case "second_factor":
                user_id, has_second_factor = second_step.complete(request, body, answers), True
            case "passkey":
                user_id, has_second_factor = second_step.identify(request, body, answers), True
            case _:
                user_id, has_second_factor = self._check_password(request, body, answers)
        return services.complete_sign_in(
            user_id,
            device_name=body.get("device_name", ""),
            two_factor=has_second_factor,
            **answers,
            **describe_client(request),
        )

    @staticmethod
    def _check_password(request: Request, body: dict[str, Any], answers: second_step.Answers) -> tuple[UUID, bool]:
        """The id of the user, and whether they have shown a second factor. Raises InvalidCredentials for every wrong
        combination of password and code, so that the error does not reveal that the password was right."""
        user = attempts.count_attempt(request, body["login"])
        account = services.check_credentials(user, password=body["password"])
        if not two_factor.is_enrolled(account):
            return account.pk, False
        if not body.get("code"):
            raise second_step.required(account)
        try:
            second_step.check_code(request, account, body["code"], answers)
        except two_factor.WrongCode as error:
            raise services.InvalidCredentials from error
        return account.pk, True

    @documented(
        operation_id="startPasskey",
        summary="Start to use a passkey",
        description="To sign in with a passkey alone (`POST /v1/auth/token`), or to confirm the identity.",
        responses={200: serializers.CeremonySerializer},
    )
    @action(detail=False, methods=["post"], url_path="passkey-options", **OPEN)
    def passkey_options(self, request: Request) -> Response:
        return Response(serializers.CeremonySerializer(passkeys.begin()).data)

    @documented(
        operation_id="confirmIdentity",
        summary="Confirm the identity",
        description="With the password, a code or a passkey. For 15 minutes after it, and after a sign-in, the session "
        "may change second factors.",
        responses={204: None},
        errors=[services.WrongPassword, two_factor.WrongCode, passkeys.InvalidPasskey],
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="identity/confirm",
        serializer_class=serializers.ConfirmIdentitySerializer,
    )
    def confirm_identity(self, request: Request) -> Response:
        second_step.confirm(request, self.load_account(), self.session_id, self.get_validated_data())
        return Response(status=204)

    @documented(
        operation_id="revokeSessions",
        summary="Revoke sessions",
        description="An empty object ends the current session, `session_id` another one, `all` every one.",
        responses={204: None},
    )
    @action(detail=False, methods=["post"], serializer_class=serializers.RevokeSerializer)
    def revoke(self, request: Request) -> Response:
        body = self.get_validated_data()
        if body.get("all"):
            services.end_all_sessions(self.caller_id)
            return Response(status=204)
        services.end_own_session(self.caller_id, body.get("session_id", self.session_id))
        return Response(status=204)

    @documented(
        operation_id="getCurrentUser",
        description="The profile with the e-mail address, the settings and the number of unread notifications.",
        summary="Get the current user",
        responses={200: serializers.MeSerializer},
    )
    @action(detail=False, serializer_class=serializers.MeSerializer)
    def me(self, request: Request) -> Response:
        return Response(self.get_serializer(self.load_account()).data)

    @documented(operation_id="listSessions", summary="List sessions", page_of=serializers.SessionSerializer)
    @action(detail=False, serializer_class=serializers.SessionSerializer)
    def sessions(self, request: Request) -> Response:
        page = self.paginate_queryset(Session.objects.owned_by(self.caller_id).live())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(
        operation_id="changePassword",
        summary="Change the password",
        description="Ends all other sessions.",
        responses={204: None},
        errors=[services.WrongPassword],
    )
    @action(detail=False, methods=["post"], serializer_class=serializers.ChangePasswordSerializer)
    def password(self, request: Request) -> Response:
        body = self.get_validated_data()
        limits.require("password", str(self.caller_id))
        services.change_password(
            self.load_account(),
            current=body["current_password"],
            new=body["new_password"],
            session_id=self.session_id,
        )
        return Response(status=204)

    @documented(
        operation_id="requestPasswordReset",
        summary="Request a password reset",
        description="Sends a mail if there is an account with this address. The response does not reveal that.",
        responses={202: None},
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="password/reset",
        **OPEN,
        serializer_class=serializers.RequestPasswordResetSerializer,
    )
    def reset(self, request: Request) -> Response:
        email = self.get_validated_data()["email"]
        attempts.count_reset_mail(request, email)
        services.request_password_reset(email)
        return Response(status=202)

    @documented(
        operation_id="resetPassword",
        summary="Reset the password",
        description="With the token of the mail. Ends all sessions.",
        responses={204: None},
        errors=[services.InvalidLink],
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="password/reset/confirm",
        **OPEN_WITH_SECRET,
        serializer_class=serializers.ResetPasswordSerializer,
    )
    def reset_confirm(self, request: Request) -> Response:
        body = self.get_validated_data()
        services.reset_password(token=body["token"], new=body["new_password"], **describe_client(request))
        return Response(status=204)

    @documented(
        operation_id="confirmEmail",
        summary="Confirm the e-mail address",
        description="With the token of the mail.",
        responses={204: None},
        errors=[services.InvalidLink],
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="email/confirm",
        **OPEN_WITH_SECRET,
        serializer_class=serializers.ConfirmEmailSerializer,
    )
    def confirm(self, request: Request) -> Response:
        services.confirm_email(self.get_validated_data()["token"])
        return Response(status=204)

    @documented(
        operation_id="getEmail",
        summary="Get the e-mail address and its pending change",
        responses={200: serializers.EmailStateSerializer},
    )
    @action(detail=False, url_path="email/change", serializer_class=serializers.EmailStateSerializer)
    def email_change(self, request: Request) -> Response:
        return Response(self._email_state())

    @documented(
        operation_id="changeEmail",
        summary="Change the e-mail address",
        description="Sends a link to the new address, which replaces the present one when the link is used; a former "
        "pending change ends. An address that was never confirmed is replaced at once, and gets a new confirmation "
        "mail. The response does not reveal whether another account has the address, except in that case.",
        request=serializers.ChangeEmailSerializer,
        responses={202: serializers.EmailStateSerializer},
        errors=[services.WrongPassword, services.EmailTaken],
    )
    @email_change.mapping.post
    def change_email(self, request: Request) -> Response:
        body, user = self.get_validated_data(), self.load_account()
        attempts.count_email_change(request, user, body["email"])
        changes.change_email(user, **body, session_id=self.session_id)
        return Response(self._email_state(), status=202)

    @documented(
        operation_id="cancelEmailChange",
        summary="Cancel the change of the e-mail address",
        description="The link that was sent to the new address no longer works. Idempotent.",
        responses={204: None},
    )
    @email_change.mapping.delete
    def cancel_email_change(self, request: Request) -> Response:
        changes.cancel_email_change(self.load_account(), session_id=self.session_id)
        return Response(status=204)

    def _email_state(self) -> dict[str, Any]:
        user = self.load_account()
        state = {
            "email": user.email,
            "email_verified": user.email_verified_at is not None,
            "pending": changes.pending_change(user.pk),
        }
        return dict(serializers.EmailStateSerializer(state).data)

    @documented(
        operation_id="confirmEmailChange",
        summary="Confirm a new e-mail address",
        description="With the token of the mail to the new address. The old address receives a link that reverts the "
        "change.",
        responses={204: None},
        errors=[services.InvalidLink, services.EmailTaken],
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="email/change/confirm",
        **OPEN_WITH_SECRET,
        serializer_class=serializers.ConfirmEmailSerializer,
    )
    def confirm_email_change(self, request: Request) -> Response:
        changes.confirm_email_change(self.get_validated_data()["token"], **describe_client(request))
        return Response(status=204)

    @documented(
        operation_id="revertEmailChange",
        summary="Revert a change of the e-mail address",
        description="With the token of the mail to the old address. Sets a new password and ends all sessions.",
        responses={204: None},
        errors=[services.InvalidLink],
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="email/revert",
        **OPEN_WITH_SECRET,
        serializer_class=serializers.ResetPasswordSerializer,
    )
    def revert_email_change(self, request: Request) -> Response:
        changes.revert_email_change(**self.get_validated_data(), **describe_client(request))
        return Response(status=204)

    @documented(
        operation_id="listSecurityEvents",
        summary="List security events",
        description="Sign-ins from new devices, and changes of password, handle, e-mail address and second factor, of "
        "the last 90 days.",
        page_of=serializers.SecurityEventSerializer,
    )
    @action(detail=False, url_path="security-events", serializer_class=serializers.SecurityEventSerializer)
    def security_events(self, request: Request) -> Response:
        page = self.paginate_queryset(SecurityEvent.objects.owned_by(self.caller_id))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(operation_id="resendConfirmationEmail", summary="Resend the confirmation mail", responses={202: None})
    @action(detail=False, methods=["post"], url_path="email/resend")
    def resend(self, request: Request) -> Response:
        attempts.count_confirmation_mail(request, self.caller_id)
        services.resend_confirmation(self.load_account())
        return Response(status=202)


@extend_schema(tags=["Users"])
class UserViewSet(AccountViewSet):
    """`{user}` in a path is an id, `@handle` or `me`."""

    lookup_url_kwarg = "user"
    lookup_value_converter = "str"
    rate_limits = {"create": "sign_up"}
    restricted_actions = frozenset({"destroy"})

    def get_permissions(self) -> Any:
        return [AllowAny()] if self.action in {"create", "retrieve"} else super().get_permissions()

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return {
            "create": serializers.SignUpSerializer,
            "partial_update": serializers.UpdateProfileSerializer,
            "destroy": serializers.PasswordSerializer,
            "deactivate": serializers.PasswordSerializer,
            "change_handle": serializers.ChangeHandleSerializer,
        }.get(self.action, serializers.UserSerializer)

    @documented(
        operation_id="signUp",
        summary="Sign up",
        description="`registration` of `GET /v1/instance` says who can. While moderators approve new members, a "
        "sign-up without an invitation answers 202: the account is pending, and its owner cannot sign in yet. While "
        "registration is closed, only invitations of the operator work.\n\n"
        "The language of mails and pages is the first one of the header `Accept-Language` that this server has; "
        "`PATCH /v1/users/me` changes it.",
        responses={201: serializers.MeSerializer, 202: serializers.PendingSignUpSerializer},
        errors=[
            services.HandleTaken,
            services.EmailTaken,
            BlockedText,
            invitations.RegistrationClosed,
            invitations.InvalidInvitation,
            registration.InvitationRequired,
            registration.UnderAge,
            proof_of_work.ProofOfWorkRequired,
        ],
        idempotency_key=True,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        user = registration.register(**self.get_validated_data(), locale=get_language())
        if user.state == User.State.PENDING:
            return Response(serializers.PendingSignUpSerializer(user).data, status=202)
        location = f"/v1/users/{user.pk}"
        return Response(serializers.MeSerializer(load_user(user.pk)).data, status=201, headers={"Location": location})

    @documented(
        operation_id="listUsers",
        summary="List users by id",
        description="Users that the caller cannot see are left out.",
        responses={200: serializers.UserListSerializer},
        errors=[TooManyIds],
        parameters=[OpenApiParameter("ids", str, required=True, description="Up to 50 ids, separated by commas.")],
    )
    def list(self, request: Request) -> Response:
        ids = parse_ids(request, most=50)
        profiles = find_profiles(ids, viewer_id=request.user.pk, is_moderator=is_moderator(request))
        results = [serialize_profile(profile) for profile in profiles.values()]
        return Response({"results": results, "next_cursor": None})

    @documented(
        operation_id="getUser",
        summary="Get a user",
        description="The public profile, also for `me`; `GET /v1/auth/me` returns more about the current user. "
        "Moderators may read every profile: also those of suspended and leaving accounts, and those that a block hides "
        "from them.",
        responses={200: serializers.UserSerializer},
    )
    def retrieve(self, request: Request, user: str) -> Response:
        return Response(serialize_profile(get_profile_or_404(request, user, for_review=True)))

    @documented(
        operation_id="updateUser",
        summary="Update the current user",
        description="Only the fields that are sent change. Making the account public accepts all follow requests.",
        responses={200: serializers.MeSerializer},
        errors=[Forbidden, BlockedText],
    )
    def partial_update(self, request: Request, user: str) -> Response:
        account = self._get_own_account(request, user)
        services.update_profile(account, changes=self.get_validated_data(partial=True))
        return Response(serializers.MeSerializer(self.load_account()).data)

    @documented(
        operation_id="deleteUser",
        summary="Delete the current user",
        description="Hides the account now and erases it after a grace period. Signing in before restores it.",
        responses={202: None},
        errors=[services.WrongPassword, Forbidden],
    )
    def destroy(self, request: Request, user: str) -> Response:
        account = self._get_own_account(request, user)
        password = self.get_validated_data()["password"]
        limits.require("password", str(account.pk))
        services.leave(account, password=password, session_id=self.session_id)
        return Response(status=202)

    @documented(
        operation_id="deactivateUser",
        summary="Deactivate the current user",
        description="Hides the account and ends all sessions, until the user signs in with `reactivate`.",
        responses={204: None},
        errors=[services.WrongPassword, Forbidden],
    )
    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, user: str) -> Response:
        account = self._get_own_account(request, user)
        password = self.get_validated_data()["password"]
        limits.require("password", str(account.pk))
        services.deactivate(account, password=password, session_id=self.session_id)
        return Response(status=204)

    @documented(
        operation_id="changeHandle",
        summary="Change the handle of the current user",
        description="At most once in 14 days. For 30 days only this account can take the former handle; links to it do "
        "not lead to the account any more.",
        request=serializers.ChangeHandleSerializer,
        responses={200: serializers.MeSerializer},
        errors=[services.HandleTaken, changes.HandleChangeTooSoon, BlockedText],
    )
    @action(detail=False, methods=["post"], url_path="me/handle", serializer_class=serializers.ChangeHandleSerializer)
    def change_handle(self, request: Request) -> Response:
        handle = self.get_validated_data()["handle"]
        changes.change_handle(self.load_account(), handle=handle, session_id=self.session_id)
        return Response(serializers.MeSerializer(self.load_account()).data)

    def _get_own_account(self, request: Request, identifier: str) -> User:
        """Raises NotFound for an account that the caller may not read, Forbidden for every other account, and
        AccountSuspended for a suspended caller who names another account than their own."""
        caller = cast(User, request.user)
        if caller.is_restricted:
            if identifier.lower() not in {"me", str(caller.pk), f"@{caller.handle}"}:
                raise services.suspension_of(caller.pk)
            return self.load_account()
        profile = get_profile_or_404(request, identifier, for_review=True)
        if profile.id != request.user.pk:
            raise Forbidden
        return self.load_account()


@extend_schema(tags=["Users"])
class ExportViewSet(AccountViewSet):
    serializer_class = serializers.PasswordSerializer
    restricted_actions = frozenset({"create", "retrieve"})

    @documented(
        operation_id="requestDataExport",
        summary="Request a data export",
        description="A zip file with all data of the user. At most one a day.",
        responses={202: None},
        errors=[services.WrongPassword, services.ExportInProgress, services.ExportTooSoon],
    )
    def create(self, request: Request) -> Response:
        password = self.get_validated_data()["password"]
        limits.require("password", str(self.caller_id))
        services.request_export(self.load_account(), password=password, session_id=self.session_id)
        return Response(status=202)

    @documented(
        operation_id="getDataExport",
        summary="Get the data export",
        description="The state of the last export, and a link while it is ready.",
        responses={200: serializers.DataExportSerializer},
    )
    def retrieve(self, request: Request) -> Response:
        export = exports.latest(self.caller_id)
        if export is None:
            return Response({"status": "none", "url": None, "expires_at": None})
        return Response(serializers.DataExportSerializer(export).data)
