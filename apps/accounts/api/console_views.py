"""Console pages of the current user: two-factor, recovery codes, password."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.widgets import BASE_INPUT_CLASSES

from apps.accounts import qr_codes, services, two_factor
from apps.accounts.api.console_sessions import SESSION_ID
from apps.accounts.models import User
from apps.core import limits
from apps.core.errors import DomainError
from apps.moderation import permissions

GROUP = 4


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=12,
        label="Six digits from the app",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autofocus": "",
                "class": " ".join(BASE_INPUT_CLASSES),
            }
        ),
    )


def two_factor_page(request: HttpRequest) -> HttpResponse:
    """Sets up two-factor, or shows its state once it is set up."""
    user = cast(User, request.user)
    device = two_factor.device_of(user)
    if device:
        left = two_factor.recovery_codes_left(user)
        return _page(request, "console/two_factor.html", "Two-factor", device=device, left=left)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and (codes := _confirm(request, user, form)):
        return _page(request, "console/recovery_codes.html", "Recovery codes", codes=codes)
    return _setup_page(request, user, form)


def _confirm(request: HttpRequest, user: User, form: CodeForm) -> list[str] | None:
    """Confirm the device. Returns the recovery codes, or None with an error in the form."""
    try:
        limits.require("two_factor", str(user.pk))
        session_id = UUID(request.session[SESSION_ID])
        _device, codes = permissions.enrol(user, code=form.cleaned_data["code"], session_id=session_id)
    except DomainError as refusal:
        form.add_error("code", refusal.detail)
        return None
    # A new session key, so that a stolen former key is worthless.
    request.session.cycle_key()
    return codes


def _setup_page(request: HttpRequest, user: User, form: CodeForm) -> HttpResponse:
    device = two_factor.begin(user)
    secret = two_factor.secret_of(device)
    return _page(
        request,
        "console/two_factor_setup.html",
        "Set up two-factor",
        form=form,
        picture=qr_codes.draw(device.config_url),
        secret=" ".join(secret[at : at + GROUP] for at in range(0, len(secret), GROUP)),
    )


def renew_codes(request: HttpRequest) -> HttpResponse:
    """Makes ten new recovery codes and shows them once."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        codes = permissions.renew_recovery_codes(cast(User, request.user))
    except DomainError as refusal:
        messages.error(request, refusal.detail)
        return HttpResponseRedirect(reverse("console_two_factor"))
    return _page(request, "console/recovery_codes.html", "Recovery codes", codes=codes)


class PasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]  # unfold carries no types
    """Changes the password through the service of the API, which ends all other sessions."""

    user: User

    def __init__(self, user: User, *args: Any, session_id: UUID, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.session_id = session_id

    def clean(self) -> Any:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        current, new = cleaned["old_password"], cleaned["new_password1"]
        try:
            self.user = services.change_password(self.user, current=current, new=new, session_id=self.session_id)
        except DomainError as refusal:
            raise forms.ValidationError(refusal.detail) from refusal
        return cleaned

    def clean_old_password(self) -> str:
        try:
            limits.require("password", str(self.user.pk))
        except DomainError as refusal:
            raise forms.ValidationError(refusal.detail) from refusal
        return str(super().clean_old_password())

    def save(self, commit: bool = True) -> Any:
        return self.user


class PasswordView(PasswordChangeView):
    form_class = PasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"session_id": UUID(self.request.session[SESSION_ID])}


def password_page(request: HttpRequest) -> HttpResponseBase:
    view = PasswordView.as_view(
        success_url=reverse("admin:password_change_done"),
        extra_context=admin.site.each_context(request),
    )
    return view(request)


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return TemplateResponse(request, template, admin.site.each_context(request) | {"title": title} | context)
