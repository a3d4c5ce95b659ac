"""The pages that are open to suspended members, whose sessions are restricted (`User.is_restricted`)."""

from django.http import HttpRequest, HttpResponse

from apps.accounts.services import suspension_of
from apps.core.api import problems
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
    if wants_json(request) or is_htmx(request):
        return problems.problem_response(suspension_of(member_id(request)), request)
    return show_suspension(request, status=403)
