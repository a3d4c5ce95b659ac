"""Signing in and out, joining, and the links of mails."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from rest_framework.exceptions import ValidationError

from apps.accounts import changes, handles, invitations, registration, services, two_factor
from apps.accounts.api import attempts, second_step
from apps.accounts.api.clients import describe_client
from apps.accounts.api.serializers import (
    ConfirmEmailSerializer,
    PasskeySignInSerializer,
    RequestPasswordResetSerializer,
    ResetPasswordSerializer,
    SecondFactorSignInSerializer,
    SignUpSerializer,
)
from apps.accounts.models import EmailedToken, Session, User
from apps.accounts.services import AccountDeactivated, InvalidLink
from apps.core import time_zones
from apps.core.api import throttling
from apps.core.api.addresses import client_network
from apps.core.errors import DomainError
from apps.site import reads as site
from apps.web import reactivation, sessions
from apps.web.forms import create_once, form_page, new_key, read_passkey_form, refused_form
from apps.web.http import get_member, go, go_back, page, read_form, render_page, require_form_methods, safe_path

# The fields of the join form that are not stored with its key.
SECRETS = {"password", "proof_of_work"}


# ── Signing in and out ───────────────────────────────────────────────────────────────────────────────────
@sensitive_post_parameters()
@require_form_methods
@page()
def login(request: HttpRequest) -> HttpResponse:
    """Sign in with handle or e-mail address and password, and then with a second factor for users who have one; or with
    a passkey alone."""
    to = _next(request)
    if request.method != "POST" and request.user.is_authenticated:
        return redirect(to)
    if "proof" in request.POST:
        return _second_step(request, to)
    if "returning" in request.POST:
        return _reactivate(request, to)
    values = {"login": "", "next": to}
    if request.method != "POST":
        return render_page(request, "web/login.html", {"form": values, "errors": {}})
    try:
        if "passkey" in request.POST:
            body = read_passkey_form(request, PasskeySignInSerializer, grant_type="passkey")
            return _complete_sign_in(request, second_step.identify(request, body), to, two_factor=True)
        return _first_step(request, request.POST.get("login", "")[: attempts.LONGEST_LOGIN], to)
    except (DomainError, ValidationError) as error:
        context = {"needs_setup": isinstance(error, two_factor.TwoFactorRequired)}
        return refused_form(request, "web/login.html", error, values=values, context=context)


def _first_step(request: HttpRequest, login: str, to: str) -> HttpResponse:
    """Sign in with the password of a form, or ask for the second factor."""
    user = attempts.count_attempt(request, login)
    user = services.check_credentials(user, password=request.POST.get("password", ""))
    if two_factor.is_enrolled(user):
        proof = second_step.make_proof(user)
        context = {"form": {"proof": proof, "next": to}, "errors": {}} | _ways(user, proof)
        return render_page(request, "web/login_code.html", context)
    return _complete_sign_in(request, user.pk, to)


def _second_step(request: HttpRequest, to: str) -> HttpResponse:
    proof = request.POST["proof"]
    user = second_step.find_user(proof)
    if user is None:
        messages.error(request, second_step.InvalidChallenge.title)
        return redirect(_with_next("web:login", to))
    try:
        if "passkey" in request.POST:
            answer = {"challenge": proof, "grant_type": "second_factor"}
            body = read_passkey_form(request, SecondFactorSignInSerializer, **answer)
        else:
            body = {"challenge": proof, "code": request.POST.get("code", "")}
        return _complete_sign_in(request, second_step.complete(request, body), to, two_factor=True)
    except (DomainError, ValidationError) as error:
        return refused_form(
            request,
            "web/login_code.html",
            error,
            values={"proof": "", "next": to},
            secrets=["code"],
            places={two_factor.WrongCode.code: "code"},
            context=_ways(user, proof),
        )


def _ways(user: User, proof: str) -> dict[str, Any]:
    """What the page of the second step offers: an app's code, a passkey."""
    described = second_step.describe(user, proof)
    options = described["passkey_options"]
    return {
        "has_app": two_factor.TOTP in described["methods"],
        "is_passkey_first": two_factor.TOTP not in described["methods"],
        "passkey_options": json.dumps(options) if options else "",
    }


def _complete_sign_in(
    request: HttpRequest, user_id: UUID, to: str, *, two_factor: bool = False, reactivate: bool = False
) -> HttpResponse:
    """Sign the browser in. Asks whether to reactivate a deactivated account. The session of a suspended account is
    restricted, and shows why."""
    is_leaving = User.objects.filter(pk=user_id, erase_after__isnull=False).exists()
    try:
        session = services.complete_sign_in(
            user_id,
            kind=Session.Kind.WEB,
            two_factor=two_factor,
            restricted=True,
            reactivate=reactivate,
            **describe_client(request),
        )
    except AccountDeactivated:
        proof = reactivation.make_proof(user_id, two_factor=two_factor)
        return render_page(request, "web/reactivate.html", {"returning": proof, "next": to})
    if is_leaving:
        messages.success(request, _("Welcome back. Your account will not be deleted."))
    if reactivate:
        messages.success(request, _("Welcome back. Your account is visible again."))
    response = go(request, reverse("web:suspended") if session.user.is_restricted else to)
    sessions.sign_in(request, response, session)
    return response


def _reactivate(request: HttpRequest, to: str) -> HttpResponse:
    """The member has answered that they return."""
    found = reactivation.read_proof(request.POST["returning"])
    if found is None:
        messages.error(request, second_step.InvalidChallenge.title)
        return redirect(_with_next("web:login", to))
    user_id, two_factor = found
    return _complete_sign_in(request, user_id, to, two_factor=two_factor, reactivate=True)


@require_form_methods
@page()
def logout(request: HttpRequest) -> HttpResponse:
    """End the session of this browser. GET asks first, because links are followed by more than members."""
    if request.method != "POST":
        return render_page(request, "web/logout.html") if request.user.is_authenticated else redirect("web:home")
    # Those that were not shown are not for the next user of this browser.
    list(messages.get_messages(request))
    response = go(request, "/")
    sessions.sign_out(request, response)
    return response


# ── Joining ──────────────────────────────────────────────────────────────────────────────────────────────
@sensitive_post_parameters()
@require_form_methods
@page()
def join(request: HttpRequest) -> HttpResponse:
    """Create an account, and sign its owner in unless a moderator has to approve it."""
    to = _next(request)
    code = request.POST.get("invitation", request.GET.get("invitation", ""))
    if request.method != "POST" and request.user.is_authenticated:
        return redirect(to)
    return form_page(
        request,
        "web/join.html",
        lambda: _sign_up(request, to),
        values={"handle": "", "email": "", "display_name": "", "next": to, "key": new_key()}
        | {"invitation": code, "reason": "", "date_of_birth": ""},
        secrets=["password"],
        places={
            services.HandleTaken.code: "handle",
            services.EmailTaken.code: "email",
            invitations.InvalidInvitation.code: "invitation",
            registration.InvitationRequired.code: "invitation",
            registration.UnderAge.code: "date_of_birth",
        },
        context=_describe_registration(code) | {"is_sent": "sent" in request.GET},
    )


def _describe_registration(code: str) -> dict[str, Any]:
    """What the join page asks for and explains. `code`: of the invitation, or ""."""
    rules = site.current()
    return {
        "rules": rules,
        "asks_invitation": rules.registration == invitations.Mode.INVITE or bool(code),
        "is_invitation_optional": rules.registration != invitations.Mode.INVITE,
        "is_closed": registration.is_closed(code),
        "needs_reason": registration.needs_reason(code),
        "days": settings.APPLICATION_LIFETIME.days,
        "password_rules": password_validators_help_texts(),
        "shortest_handle": handles.MIN_LENGTH,
        "longest_handle": handles.MAX_LENGTH,
    }


def _sign_up(request: HttpRequest, to: str) -> HttpResponse:
    throttling.count(request, "sign_up", client_network(request))
    user, is_new = _register_once(request)
    if user.state == User.State.PENDING:
        return go(request, f"{reverse('web:join')}?sent")
    if is_new:
        response = go(request, to)
        session = services.open_session(user, kind=Session.Kind.WEB, **describe_client(request))
        sessions.sign_in(request, response, session)
    else:
        # As at every other sign-in: the key of a form is no proof of who sends it.
        response = _first_step(request, user.handle, to)
    sent = _("Welcome! We have sent a mail to %(email)s. Open the link in it to confirm your address.")
    messages.success(request, sent % {"email": user.email})
    return response


def _register_once(request: HttpRequest) -> tuple[User, bool]:
    """The account, and whether this request has created it; otherwise the same form was sent before."""
    # An empty date is no date.
    given = [name for name in ("invitation", "reason", "date_of_birth", "proof_of_work") if request.POST.get(name)]
    fields = read_form(request, SignUpSerializer, fields=["handle", "email", "password", "display_name", *given])
    # That of the browser, which may know another version of the database.
    time_zone = request.POST.get("time_zone", "")
    zone = time_zone if time_zone in time_zones.names() else ""
    created: list[User] = []

    def create() -> UUID:
        created.append(registration.register(**fields, locale=get_language(), time_zone=zone))
        return created[0].pk

    user_id = create_once(request, {name: fields[name] for name in fields.keys() - SECRETS}, create)
    return (created[0], True) if created else (User.objects.get(pk=user_id), False)


# ── The links of mails ───────────────────────────────────────────────────────────────────────────────────
@require_form_methods
@page()
def confirm_email(request: HttpRequest) -> HttpResponse:
    """Confirm the e-mail address with the token of the mail."""
    confirmed = _("Your e-mail address is confirmed.")
    return _confirmation_link(request, "web/confirm_email.html", services.confirm_email, confirmed)


@require_form_methods
@page()
def confirm_new_email(request: HttpRequest) -> HttpResponse:
    """Confirm a new e-mail address of an account with the token of the mail."""
    confirm = partial(changes.confirm_email_change, **describe_client(request))
    return _confirmation_link(request, "web/confirm_new_email.html", confirm, _("Your e-mail address is changed."))


def _confirmation_link(
    request: HttpRequest, template: str, confirm: Callable[[str], Any], message: str
) -> HttpResponse:
    """The page of a link that confirms an address. GET shows a button, because mail scanners follow links."""
    token = _token(request)

    def save() -> HttpResponse:
        _count_token(request, token)
        confirm(read_form(request, ConfirmEmailSerializer, fields=["token"])["token"])
        messages.success(request, message)
        return redirect("web:home")

    if not token:
        return refused_form(request, template, InvalidLink(), values={"token": ""})
    return form_page(request, template, save, values={"token": token})


@sensitive_post_parameters()
@require_form_methods
@page()
def revert_email(request: HttpRequest) -> HttpResponse:
    """Take the account back after its e-mail address was changed, with the token of the mail to the old address."""

    def revert(token: str, new: str) -> None:
        changes.revert_email_change(token=token, new_password=new, **describe_client(request))

    message = _("The account is yours again. Sign in with the new password.")
    return _password_link(request, "web/revert_email.html", changes.is_revert_link_valid, revert, message)


@sensitive_post_parameters()
@require_form_methods
@page()
def reset_password(request: HttpRequest) -> HttpResponse:
    """Set a new password with the token of the mail."""

    def reset(token: str, new: str) -> None:
        services.reset_password(token=token, new=new, **describe_client(request))

    is_valid = partial(services.is_link_valid, purpose=EmailedToken.Purpose.RESET_PASSWORD)
    message = _("Your password is changed. Sign in with the new one.")
    return _password_link(request, "web/reset_password.html", is_valid, reset, message)


def _password_link(
    request: HttpRequest,
    template: str,
    is_valid: Callable[[str], bool],
    save: Callable[[str, str], None],
    message: str,
) -> HttpResponse:
    """The page of a link with which a new password is set. `save` gets the token and the password."""
    token = _token(request)

    def save_and_go() -> HttpResponse:
        body = read_form(request, ResetPasswordSerializer, fields=["token", "new_password"])
        save(body["token"], body["new_password"])
        messages.success(request, message)
        return redirect("web:login")

    _count_token(request, token)
    if not is_valid(token):
        return refused_form(request, template, InvalidLink(), values={"token": ""}, context={"is_invalid": True})
    context = {"password_rules": password_validators_help_texts()}
    return form_page(request, template, save_and_go, values={"token": token}, secrets=["new_password"], context=context)


@require_POST
@page(members_only=True)
def resend_confirmation(request: HttpRequest) -> HttpResponse:
    """Send the confirmation mail again."""
    member = get_member(request)
    attempts.count_confirmation_mail(request, member.pk)
    services.resend_confirmation(member)
    messages.success(request, _("We have sent a mail to %(email)s.") % {"email": member.email})
    return go_back(request)


@require_form_methods
@page()
def forgot(request: HttpRequest) -> HttpResponse:
    """Request a mail with a link to set a new password. The page does not reveal whether there is such an account."""

    def send() -> HttpResponse:
        email = read_form(request, RequestPasswordResetSerializer, fields=["email"])["email"]
        attempts.count_reset_mail(request, email)
        services.request_password_reset(email)
        return redirect(f"{reverse('web:forgot')}?sent")

    context = {"sent": "sent" in request.GET}
    return form_page(request, "web/forgot.html", send, values={"email": ""}, context=context)


# ── Parts ────────────────────────────────────────────────────────────────────────────────────────────────
@require_safe
def change_password_url(request: HttpRequest) -> HttpResponse:
    """Where password managers send their users (https://w3c.github.io/webappsec-change-password-url/)."""
    return redirect("web:settings_security")


def _next(request: HttpRequest) -> str:
    """The page to show after signing in."""
    return safe_path(request, request.POST.get("next") or request.GET.get("next", ""))


def _with_next(name: str, to: str) -> str:
    return reverse(name) if to == "/" else f"{reverse(name)}?{urlencode({'next': to})}"


def _token(request: HttpRequest) -> str:
    return request.POST.get("token") or request.GET.get("token", "")


def _count_token(request: HttpRequest, token: str) -> None:
    throttling.count(request, "token", attempts.link_caller(request, token), guards_a_secret=True)
