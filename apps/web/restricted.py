"""The pages that are open to suspended members, whose sessions are restricted (`User.is_restricted`)."""

from django.http import HttpRequest, HttpResponse

from apps.accounts.services import suspension_of
from apps.core.api import problems, throttling
from apps.core.errors import DomainError
from apps.web.http import is_htmx, member_id, wants_json
from apps.web.views.suspended import show_suspension

# By URL name. Every other page shows the suspension instead, also those that are added later.
OPEN = frozenset(
    f"web:{name}"
    for name in [
        "suspended",
        "appeal",
        "settings_moderation",
        "export",
        "settings_export",
        "settings_delete",
        "logout",
        # The links of mails, which are open without a session.
        *("confirm_email", "reset_password", "confirm_new_email", "revert_email", "stop_digest"),
        # The same for everybody.
        *(
            "about",
            "rules",
            "terms",
            "privacy",
            "manifest",
            "service_worker",
            "offline",
            "favicon",
            "logo",
            "accent_styles",
        ),
    ]
)


def refuse(request: HttpRequest) -> HttpResponse | None:
    """The response to a request of a suspended member for a page that is not open; for scripts, and for htmx, which
    shows it as a message, a problem document."""
    match = request.resolver_match
    if match is None or match.view_name in OPEN:
        return None
    try:
        if wants_json(request) or is_htmx(request):
            throttling.count(request, "write", str(member_id(request)))
            raise suspension_of(member_id(request))
        return show_suspension(request, status=403)
    except DomainError as error:  # Django handles no exceptions of this hook.
        return problems.problem_response(error, request)
