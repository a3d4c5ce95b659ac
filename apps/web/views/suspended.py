"""The page of a suspended member: the reason, the appeal, and what remains possible."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.accounts.api.serializers import serialize_suspension
from apps.moderation.api.serializers import serialize_decision
from apps.moderation.api.views import get_own_action
from apps.web.http import get_member, page, render_page


@require_safe
@page(members_only=True)
def suspended(request: HttpRequest) -> HttpResponse:
    """Why and until when the account is suspended, the appeal, the data export, the deletion and signing out."""
    return show_suspension(request) if get_member(request).is_restricted else redirect("web:home")


@page(members_only=True)
def show_suspension(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    """The page, also instead of another one."""
    suspension = serialize_suspension(get_member(request))
    action_id = suspension and suspension["action_id"]
    decision = serialize_decision(get_own_action(request, action_id, None)) if action_id else None
    return render_page(request, "web/suspended.html", {"suspension": suspension, "decision": decision}, status=status)
