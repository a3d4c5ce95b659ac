"""Sign-in of the console, with the same rate limits as the API (promise O2) and a second factor."""

from typing import Any, cast

from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode
from django_otp import DEVICE_ID_SESSION_KEY
from unfold.forms import AuthenticationForm
from unfold.widgets import BASE_INPUT_CLASSES

from apps.accounts import two_factor
from apps.accounts.api import attempts
from apps.accounts.models import User
from apps.core import limits
from apps.core.errors import TooManyRequests
from apps.moderation import permissions


class LimitedLogin(AuthenticationForm):  # type: ignore[misc]  # unfold carries no types
    code = forms.CharField(
        required=False,
        max_length=40,
        label="Authentication code",
        help_text="Six digits from your app, or a recovery code. Leave it empty until you have set up two-factor.",
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "spellcheck": "false", "class": " ".join(BASE_INPUT_CLASSES)}
        ),
    )
    # One message for every error, so that it does not reveal that the password was right.
    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "Handle, password or code is wrong, or this is not a staff account."
    }

    def clean(self) -> Any:
        """Counts the attempt before it checks the password and the code."""
        try:
            attempts.count_attempt(self.request, self.cleaned_data.get("username", ""))
            cleaned = super().clean()
            self._require_code()
        except TooManyRequests as refusal:
            wait = refusal.headers["Retry-After"]
            raise ValidationError(f"Too many attempts; try again in {wait} seconds.", code="rate_limited") from refusal
        return cleaned

    def _require_code(self) -> None:
        """Check the code of a user who has set up two-factor. Raises ValidationError, TooManyRequests."""
        user = cast(User | None, self.get_user())
        if user is None or two_factor.device_of(user) is None:
            return
        limits.require("two_factor", str(user.pk))
        # django-otp stores the device in the session when the user is logged in.
        user.otp_device = permissions.accept(user, self.cleaned_data.get("code", ""))  # type: ignore[attr-defined]
        if user.otp_device is None:  # type: ignore[attr-defined]
            self.user_cache = None
            raise self.get_invalid_login_error()


class TwoFactorMiddleware(MiddlewareMixin):
    """Ends console sessions that were opened before their user set up two-factor, or with a device that was reset."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Returns a redirect to sign-in or to the setup of two-factor, or None."""
        console = reverse("admin:index")
        public = {reverse("admin:login"), reverse("admin:logout")}
        if not request.path_info.startswith(console) or request.path_info in public or not request.user.is_staff:
            return None
        # Annotated by the authentication backend (`backends.py`).
        device_pk = getattr(request.user, "device_pk", None)
        if request.session.get(DEVICE_ID_SESSION_KEY) != two_factor.persistent_id(device_pk):
            logout(request)
            back = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
            return HttpResponseRedirect(f"{reverse('admin:login')}?{back}")
        setting_up = reverse("console_two_factor")
        if device_pk is None and two_factor.is_required() and request.path_info != setting_up:
            return HttpResponseRedirect(setting_up)
        return None


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    """The links of the account menu."""
    return [{"title": "Two-factor", "link": reverse("console_two_factor")}]
