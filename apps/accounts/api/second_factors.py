"""The second factors of the current user. Changes need a session whose user has confirmed their identity recently."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from apps.accounts import confirmation, passkeys, qr_codes, two_factor
from apps.accounts.api import attempts, serializers
from apps.accounts.api.base import AccountViewSet, IdentityConfirmed
from apps.accounts.models import User
from apps.core.api.schema import documented
from apps.moderation import permissions


def describe_second_factors(user: User) -> dict[str, Any]:
    """The representation of `SecondFactorsSerializer`."""
    app, passkeys_of_user = two_factor.device_of(user), list(user.passkeys.order_by("id"))
    return {
        "enabled": app is not None or bool(passkeys_of_user),
        "required_by_role": two_factor.is_required() and bool(user.ranks),
        "totp": app,
        "passkeys": passkeys_of_user,
        "recovery_codes_left": two_factor.recovery_codes_left(user),
    }


@extend_schema(tags=["Second factors"])
class SecondFactorViewSet(AccountViewSet):
    # Actions that are open to sessions without a recent confirmation.
    unconfirmed_actions = frozenset({"show", "rename_passkey"})

    def get_permissions(self) -> list[Any]:
        # None: the path does not support the method.
        is_open = self.action is None or self.action in self.unconfirmed_actions
        return [*super().get_permissions(), *([] if is_open else [IdentityConfirmed()])]

    def get_serializer_class(self) -> type[BaseSerializer[Any]] | None:  # type: ignore[override]
        own = {"rename_passkey": serializers.RenamePasskeySerializer}
        return own.get(self.action) or super().get_serializer_class()

    @documented(
        operation_id="getSecondFactors",
        summary="Get the second factors",
        responses={200: serializers.SecondFactorsSerializer},
    )
    def show(self, request: Request) -> Response:
        return Response(serializers.SecondFactorsSerializer(describe_second_factors(self.load_account())).data)

    @documented(
        operation_id="startTotp",
        summary="Start to set up an authenticator app",
        description="The secret stays the same until a code of the app confirms it.",
        responses={200: serializers.TotpSetupSerializer},
        errors=[confirmation.ConfirmationRequired, two_factor.AlreadyEnrolled],
    )
    @action(detail=False, methods=["post"], url_path="totp")
    def start_totp(self, request: Request) -> Response:
        device = two_factor.begin(self.load_account())
        setup = {
            "secret": two_factor.secret_of(device),
            "uri": device.config_url,
            "qr_code": qr_codes.draw(device.config_url),
        }
        return Response(serializers.TotpSetupSerializer(setup).data)

    @documented(
        operation_id="confirmTotp",
        summary="Confirm the authenticator app",
        description="With a code of the app. From now on, signing in asks for a second factor.",
        responses={200: serializers.RecoveryCodesSerializer},
        errors=[confirmation.ConfirmationRequired, two_factor.AlreadyEnrolled, two_factor.WrongCode],
    )
    @action(detail=False, methods=["post"], url_path="totp/confirm", serializer_class=serializers.TotpCodeSerializer)
    def confirm_totp(self, request: Request) -> Response:
        code, user = self.get_validated_data()["code"], self.load_account()
        attempts.count_second_factor(request, user.pk)
        _device, codes = permissions.enrol(user, code=code, session_id=self.session_id)
        return Response(serializers.RecoveryCodesSerializer({"recovery_codes": codes}).data)

    @documented(
        operation_id="removeTotp",
        summary="Remove the authenticator app",
        responses={204: None},
        errors=[confirmation.ConfirmationRequired, two_factor.NotEnrolled, two_factor.TwoFactorRequired],
    )
    @start_totp.mapping.delete
    def remove_totp(self, request: Request) -> Response:
        permissions.remove_app(self.load_account(), session_id=self.session_id)
        return Response(status=204)

    @documented(
        operation_id="startPasskeyCreation",
        summary="Start to create a passkey",
        responses={200: serializers.CeremonySerializer},
        errors=[confirmation.ConfirmationRequired],
    )
    @action(detail=False, methods=["post"], url_path="passkeys/options")
    def passkey_options(self, request: Request) -> Response:
        ceremony = passkeys.begin_registration(self.load_account())
        return Response(serializers.CeremonySerializer(ceremony).data)

    @documented(
        operation_id="createPasskey",
        summary="Create a passkey",
        description="From now on, signing in asks for a second factor; the passkey also signs in alone.",
        responses={201: serializers.AddedPasskeySerializer},
        errors=[confirmation.ConfirmationRequired, passkeys.InvalidPasskey, passkeys.TooManyPasskeys],
    )
    @action(detail=False, methods=["post"], url_path="passkeys", serializer_class=serializers.AddPasskeySerializer)
    def add_passkey(self, request: Request) -> Response:
        body = self.get_validated_data()
        passkey, codes = permissions.add_passkey(
            self.load_account(),
            challenge=body["challenge"],
            credential=body["passkey"],
            name=body.get("name", ""),
            session_id=self.session_id,
        )
        added = {"passkey": passkey, "recovery_codes": codes}
        return Response(serializers.AddedPasskeySerializer(added).data, status=201)

    @documented(
        operation_id="updatePasskey",
        summary="Change the name of a passkey",
        responses={200: serializers.PasskeyOutSerializer},
    )
    def rename_passkey(self, request: Request, passkey_id: UUID) -> Response:
        name = self.get_validated_data()["name"]
        passkey = two_factor.rename_passkey(self.load_account(), passkey_id, name=name)
        return Response(serializers.PasskeyOutSerializer(passkey).data)

    @documented(
        operation_id="removePasskey",
        summary="Remove a passkey",
        responses={204: None},
        errors=[confirmation.ConfirmationRequired, two_factor.TwoFactorRequired],
    )
    def remove_passkey(self, request: Request, passkey_id: UUID) -> Response:
        permissions.remove_passkey(self.load_account(), passkey_id, session_id=self.session_id)
        return Response(status=204)

    @documented(
        operation_id="createRecoveryCodes",
        summary="Create new recovery codes",
        description="The old ones no longer work.",
        responses={200: serializers.RecoveryCodesSerializer},
        errors=[confirmation.ConfirmationRequired, two_factor.NotEnrolled],
    )
    @action(detail=False, methods=["post"], url_path="recovery-codes")
    def renew_recovery_codes(self, request: Request) -> Response:
        codes = permissions.renew_recovery_codes(self.load_account(), session_id=self.session_id)
        return Response(serializers.RecoveryCodesSerializer({"recovery_codes": codes}).data)
