"""Who sees which entry of the sidebar, and what the landing page says."""

from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.models import User
from apps.moderation import cases
from apps.moderation.models import SuspensionProposal

LANDING_CASES = 5
DESK = ("queue/", "case/", "sweep/", "author/")


def may_moderate(request: HttpRequest) -> bool:
    return _staff(request) and cast(User, request.user).is_moderator


def is_desk(request: HttpRequest) -> bool:
    """Whether the page is of the queue or of a case."""
    return request.path.startswith(tuple(reverse("admin:moderation_flag_changelist") + part for part in DESK))


def may_operate(request: HttpRequest) -> bool:
    return _staff(request) and "admin" in cast(User, request.user).roles


def _staff(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_staff


def landing(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The worst cases and what waits for a second pair of eyes, for moderators."""
    if may_moderate(request):
        context["worst"] = cases.queue(limit=LANDING_CASES)
        context["proposals"] = SuspensionProposal.objects.waiting().select_related("person")[:LANDING_CASES]
    return context
