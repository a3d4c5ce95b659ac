"""The console's login form: the limits of signing in hold there, too (promise O2)."""

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from apps.accounts.api import attempts
from apps.core.api.addresses import client_address
from apps.core.errors import TooManyRequests


class LimitedLogin(AuthenticationForm):  # type: ignore[misc]  # unfold carries no types
    def clean(self) -> Any:
        """Attempts are counted before a password is looked at."""
        try:
            attempts.count_attempt(self.cleaned_data.get("username", ""), address=client_address(self.request))
        except TooManyRequests as refusal:
            wait = refusal.headers["Retry-After"]
            raise ValidationError(f"Too many attempts; try again in {wait} seconds.", code="rate_limited") from refusal
        return super().clean()
