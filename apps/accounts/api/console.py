"""Sign-in of the console, with the same rate limits as the API (promise O2) and a second factor in a second step."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode
from unfold.forms import AuthenticationForm
from unfold.widgets import BASE_INPUT_CLASSES

from apps.accounts import two_factor
from apps.accounts.api import attempts, second_step
from apps.accounts.api.clients import describe_client
from apps.accounts.api.console_sessions import SESSION_ID
from apps.accounts.models import User
from apps.core.api.console import is_console
from apps.core.db.ids import parse_id
from apps.core.errors import TooManyRequests
from apps.moderation import permissions


class LimitedLogin(AuthenticationForm):  # type: ignore[misc]  # unfold carries no types
    """Asks for handle and password, and in a second step for the code of users who have set up two-factor.

    `checked` is the signed result of the first step.
    """

    code = forms.CharField(
        required=False,
        max_length=40,
        label="Authentication code",
        help_text="Six digits from your app, or a recovery code.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autofocus": "",
                "spellcheck": "false",
                "class": " ".join(BASE_INPUT_CLASSES),
            }
        ),
    )
    checked = forms.CharField(required=False, widget=forms.HiddenInput)
    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "Handle or password is wrong, or this is not a staff account.",
        "code_required": "Enter the code from your authenticator app.",
        "recovery_code_required": "The console takes no passkeys. Enter a recovery code.",
        "wrong_code": "That code is wrong, has expired, or was used before.",
        "expired": "That took too long. Sign in again.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The page shows the second step, with this as its `checked`.
        self.checked_now = ""
        if self.data.get("checked"):
            self.fields["username"].required = self.fields["password"].required = False

    def clean(self) -> Any:
        """Counts each attempt before it checks the password or the code."""
        try:
            if self.cleaned_data.get("checked"):
                self.user_cache: User | None = self._find_checked_user(self.cleaned_data["checked"])
            else:
                attempts.count_attempt(self.request, self.cleaned_data.get("username", ""))
                super().clean()
            self._require_code()
            if self.user_cache and self.request.user.is_authenticated:
                # The browser has a session of this or another user, which `login` would leave open.
                logout(self.request)
        except TooManyRequests as refusal:
            wait = refusal.headers["Retry-After"]
            raise ValidationError(f"Too many attempts; try again in {wait} seconds.", code="rate_limited") from refusal
        return self.cleaned_data

    def _find_checked_user(self, checked: str) -> User:
        """The user whose password the first step has checked and who may still sign in. Raises ValidationError."""
        user = second_step.find_user(checked)
        if user is None or not user.is_active:
            raise self._error("expired")
        self.confirm_login_allowed(user)
        return user

    def _require_code(self) -> None:
        """Check the code of a user who has set up two-factor. Raises ValidationError, TooManyRequests."""
        user = self.user_cache
        if user is None or not two_factor.is_enrolled(user):
            return
        self.user_cache = None
        self.checked_now = second_step.make_proof(user)
        code = self.cleaned_data.get("code", "")
        if not code:
            raise self._error("code_required" if two_factor.device_of(user) else "recovery_code_required")
        attempts.count_second_factor(self.request, user.pk)
        if permissions.accept(user, code, **describe_client(self.request)) is None:
            raise self._error("wrong_code")
        user.has_second_factor = True  # type: ignore[attr-defined]  # for `console_sessions.open_session`
        self.user_cache = user

    def _error(self, code: str) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code)


class TwoFactorMiddleware(MiddlewareMixin):
    """Ends console sessions that were opened before their user set up two-factor, or whose factors were removed."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Returns a redirect to sign-in or to the setup of two-factor, or None."""
        if not is_console(request) or not request.user.is_staff:
            return None
        if request.path_info in {reverse("admin:login"), reverse("admin:logout")}:
            return None
        # Annotated by the authentication backend (`backends.py`).
        is_enrolled: bool = getattr(request.user, "is_enrolled", False)
        proven: list[UUID] = getattr(request.user, "second_factor_sessions", [])
        if is_enrolled and parse_id(request.session.get(SESSION_ID, "")) not in proven:
            logout(request)
            back = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
            return HttpResponseRedirect(f"{reverse('admin:login')}?{back}")
        setting_up = reverse("console_two_factor")
        if not is_enrolled and two_factor.is_required() and request.path_info != setting_up:
            return HttpResponseRedirect(setting_up)
        return None


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    """The links of the account menu."""
    return [{"title": "Two-factor", "link": reverse("console_two_factor")}]
