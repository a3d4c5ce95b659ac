"""The base of the pages on which moderators decide cases."""

from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView
from unfold.views import UnfoldModelAdminViewMixin

from apps.accounts.models import User
from apps.core.errors import DomainError
from apps.moderation.models import Decision

# The key that chooses each decision.
KEYS: dict[str, str] = {Decision.TAKE_DOWN: "t", Decision.DISMISS: "d", Decision.SUSPEND: "s", Decision.RESOLVE: "r"}


class ModerationView(UnfoldModelAdminViewMixin, TemplateView):  # type: ignore[misc]  # unfold carries no types
    """A page for moderators. Errors are shown as messages on the page that the form came from."""

    permission_required = ()

    def has_permission(self) -> bool:
        return self.moderator.is_moderator

    @property
    def moderator(self) -> User:
        return cast(User, self.request.user)

    def handle_no_permission(self) -> Any:
        raise PermissionDenied

    def render(self, template: str = "", **context: Any) -> HttpResponse:
        self.template_name = template or self.template_name
        return self.render_to_response(self.get_context_data(**context))


def case_url(path: str, act: str = "") -> str:
    """The page of a case. `path` is type/id."""
    url = reverse("admin:moderation_flag_case", args=path.split("/"))
    return f"{url}?act={act}" if act else url


def error_text(refusal: DomainError) -> str:
    """The errors of the fields, or else the description of the error."""
    return " ".join(error["message"] for error in refusal.extra.get("errors", [])) or refusal.detail
