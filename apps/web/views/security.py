"""The second factors of the current user: the authenticator app, passkeys and recovery codes."""

from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from apps.accounts import confirmation, qr_codes, two_factor
from apps.accounts.api import attempts, second_step
from apps.accounts.api.serializers import (
    AddPasskeySerializer,
    ConfirmIdentitySerializer,
    RenamePasskeySerializer,
)
from apps.accounts.models import Passkey, User
from apps.accounts.services import WrongPassword
from apps.core.errors import NotFound
from apps.moderation import permissions
from apps.web.forms import form_page, read_passkey_form
from apps.web.http import View, member_id, page, read_form, render_page, require_form_methods, safe_path
from apps.web.sessions import session_id_of
from apps.web.views.settings import section_context

SHOWN = section_context("security")
# Of the secret and of recovery codes, so that they can be read and typed.
GROUP = 4


def _account(request: HttpRequest) -> User:
    """The account with all of its ranks; `get_member` has those that this session may use."""
    user: User = User.objects.owned_by(member_id(request)).get()
    return user


def confirmed(view: View) -> View:
    """Decorator: the member confirms their identity first, unless they have done so, or signed in, recently."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            confirmation.require(member_id(request), session_id_of(request))
        except confirmation.ConfirmationRequired:
            to = request.get_full_path() if request.method == "GET" else SHOWN["section"].url
            return redirect(f"{reverse('web:confirm_identity')}?{urlencode({'next': to})}")
        return view(request, *args, **kwargs)

    return wrapper


@sensitive_post_parameters()
@require_form_methods
@page(members_only=True)
def confirm_identity(request: HttpRequest) -> HttpResponse:
    """Confirm that it is the member, with the password, a code or a passkey, and go on."""
    user = _account(request)
    to = safe_path(request, request.POST.get("next") or request.GET.get("next", ""), SHOWN["section"].url)

    def confirm() -> HttpResponse:
        if "passkey" in request.POST:
            body = read_passkey_form(request, ConfirmIdentitySerializer)
        else:
            body = read_form(request, ConfirmIdentitySerializer, fields=["password", "code"])
        second_step.confirm(request, user, session_id_of(request), body)
        return redirect(to)

    return form_page(
        request,
        "web/settings/confirm.html",
        confirm,
        values={"next": to},
        secrets=["password", "code"],
        places={WrongPassword.code: "password", two_factor.WrongCode.code: "code"},
        context=SHOWN | {"methods": two_factor.methods_of(user), "next": to},
    )


# ── The authenticator app ────────────────────────────────────────────────────────────────────────────────
@sensitive_post_parameters()
@require_form_methods
@page(members_only=True)
@confirmed
def app(request: HttpRequest) -> HttpResponse:
    """Set up an authenticator app, and show the recovery codes."""
    user = _account(request)

    def save() -> HttpResponse:
        attempts.count_second_factor(request, user.pk)
        code = request.POST.get("code", "")
        _device, codes = permissions.enrol(user, code=code, session_id=session_id_of(request))
        return _finish(request, codes, _("The authenticator app is set up."))

    try:
        device = two_factor.begin(user)
    except two_factor.AlreadyEnrolled:
        return redirect(SHOWN["section"].url)
    secret = two_factor.secret_of(device)
    described = {
        "qr_code": qr_codes.draw(device.config_url),
        "secret": " ".join(secret[at : at + GROUP] for at in range(0, len(secret), GROUP)),
        "uri": device.config_url,
    }
    places = {two_factor.WrongCode.code: "code"}
    return form_page(
        request, "web/settings/app.html", save, values={}, secrets=["code"], places=places, context=SHOWN | described
    )


@require_POST
@page(members_only=True)
@confirmed
def remove_app(request: HttpRequest) -> HttpResponse:
    permissions.remove_app(_account(request), session_id=session_id_of(request))
    messages.success(request, _("The authenticator app is removed."))
    return redirect(SHOWN["section"].url)


# ── Passkeys ─────────────────────────────────────────────────────────────────────────────────────────────
@sensitive_post_parameters()
@require_form_methods
@page(members_only=True)
@confirmed
def new_passkey(request: HttpRequest) -> HttpResponse:
    """Add a passkey, which needs a script, and show the recovery codes if they are new."""

    def save() -> HttpResponse:
        body = read_passkey_form(request, AddPasskeySerializer, name=request.POST.get("name", ""))
        _passkey, codes = permissions.add_passkey(
            _account(request),
            challenge=body["challenge"],
            credential=body["passkey"],
            name=body["name"],
            session_id=session_id_of(request),
        )
        return _finish(request, codes, _("The passkey is added."))

    return form_page(request, "web/settings/new_passkey.html", save, values={"name": ""}, context=SHOWN)


@require_form_methods
@page(members_only=True)
def passkey(request: HttpRequest, passkey_id: UUID) -> HttpResponse:
    """Rename a passkey; from here it can be removed."""
    user = _account(request)
    found: Passkey | None = user.passkeys.filter(pk=passkey_id).first()
    if found is None:
        raise NotFound

    def save() -> HttpResponse:
        name = read_form(request, RenamePasskeySerializer, fields=["name"])["name"]
        two_factor.rename_passkey(user, passkey_id, name=name)
        messages.success(request, _("Saved."))
        return redirect(SHOWN["section"].url)

    values = {"name": found.name}
    return form_page(request, "web/settings/passkey.html", save, values=values, context=SHOWN | {"passkey": found})


@require_POST
@page(members_only=True)
@confirmed
def remove_passkey(request: HttpRequest, passkey_id: UUID) -> HttpResponse:
    permissions.remove_passkey(_account(request), passkey_id, session_id=session_id_of(request))
    messages.success(request, _("The passkey is removed."))
    return redirect(SHOWN["section"].url)


# ── Recovery codes ───────────────────────────────────────────────────────────────────────────────────────
@require_POST
@page(members_only=True)
@confirmed
def renew_recovery_codes(request: HttpRequest) -> HttpResponse:
    codes = permissions.renew_recovery_codes(_account(request), session_id=session_id_of(request))
    return _finish(request, codes, _("The old recovery codes no longer work."))


def _finish(request: HttpRequest, codes: list[str], message: str) -> HttpResponse:
    """Show new recovery codes once, or go back to the section if there are none."""
    if codes:
        return render_page(request, "web/settings/recovery_codes.html", SHOWN | {"codes": codes, "done": message})
    messages.success(request, message)
    return redirect(SHOWN["section"].url)
