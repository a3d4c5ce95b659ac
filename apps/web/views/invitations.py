"""Invitations: the page of a link, and the settings page on which members make and share them."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import invitations
from apps.accounts.api.registration import InvitationSerializer, InviteSerializer
from apps.accounts.api.serializers import serialize_user_summary
from apps.accounts.invitations import DEFAULT_DAYS, InvitationQuotaExceeded
from apps.accounts.models import Invitation
from apps.core.api import throttling
from apps.core.api.addresses import client_network
from apps.web.forms import create_once, new_key
from apps.web.http import member_id, page, render_page, render_part, require_form_methods, validate, wants_part
from apps.web.lists import PEOPLE, paginate_queryset
from apps.web.views.settings import settings_form

# The choices of the form, in days.
PERIODS = [1, DEFAULT_DAYS, 30]


@require_safe
@page()
def invite(request: HttpRequest, code: str) -> HttpResponse:
    """The page of an invitation, which leads to the sign-up with it."""
    throttling.count(request, "invitation", client_network(request), guards_a_secret=True)
    found = invitations.find_valid(code)
    context = {
        "inviter": found and serialize_user_summary(found.creator),
        "code": found and found.code,
        "is_closed": invitations.is_closed_to_members(),
    }
    return render_page(request, "web/invite.html", context, status=200 if found else 404)


@require_form_methods
@page(members_only=True)
def invitation_list(request: HttpRequest) -> HttpResponse:
    """The invitations of the current user, and a form for another one."""
    member = member_id(request)
    own = paginate_queryset(
        request, "invitations", Invitation.objects.owned_by(member), serialize=_serialize, limit=PEOPLE
    )
    if wants_part(request) and not own.is_first:
        return render_part(request, "web/settings/parts/invitations.html", {"invitations": own})
    context = {
        "invitations": own,
        "quota": invitations.quota_of(member),
        "is_closed": invitations.is_closed_to_members(),
        "periods": [(days, _period(days)) for days in PERIODS],
    }
    return settings_form(
        request,
        "invitations",
        lambda: _create(request),
        values={"max_uses": 1, "days": DEFAULT_DAYS, "key": new_key()},
        saved=_("The invitation is created. Share its link."),
        places={InvitationQuotaExceeded.code: "max_uses"},
        context=context,
    )


def _create(request: HttpRequest) -> None:
    data = {name: _number(request.POST.get(name, "")) for name in ("max_uses", "days")}
    fields = validate(InviteSerializer, data)
    create_once(request, fields, lambda: invitations.invite(member_id(request), **fields).pk)


@require_POST
@page(members_only=True)
def revoke(request: HttpRequest, code: str) -> HttpResponse:
    invitations.revoke_own(member_id(request), code)
    messages.success(request, _("The invitation is revoked."))
    return redirect("web:settings_invitations")


def _serialize(rows: Sequence[Invitation]) -> list[dict[str, Any]]:
    listed = [row.pk for row in rows]
    is_open, is_usable = (
        set(found.filter(pk__in=listed).values_list("pk", flat=True))
        for found in (Invitation.objects.open(), invitations.usable())
    )
    return [
        {
            **InvitationSerializer(row).data,
            "is_used_up": row.uses >= row.max_uses,
            "is_open": row.pk in is_open,
            "is_usable": row.pk in is_usable,
        }
        for row in rows
    ]


def _number(text: str) -> Any:
    """The number in a field of a form; other text is refused by the serializer."""
    return int(text) if text.isascii() and text.isdigit() else text


def _period(days: int) -> str:
    return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}
