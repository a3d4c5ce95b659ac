"""What members do with other accounts: follow, block, mute, and answer follow requests."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from apps.social import reads, services
from apps.social.api.profiles import get_profile_or_404, resolve_identifier
from apps.social.api.views import REQUESTS
from apps.web.errors import show_message
from apps.web.http import go_back, member_id, page, render_page, render_part, wants_part
from apps.web.lists import render_list
from apps.web.people import present_profile
from apps.web.views.people import paginate_people, read_profile


@dataclass(frozen=True)
class Action:
    """An action of a page between the member and another account. `message`: what the page says afterwards; "" if the
    button says it. `undo`: the name of the action that undoes it."""

    service: Callable[..., reads.Relationship]
    message: str | Promise = ""
    undo: str = ""


ACTIONS = {
    "follow": Action(services.follow),
    "unfollow": Action(services.unfollow, _("You no longer follow @%(handle)s."), "follow"),
    "block": Action(services.block, _("You blocked @%(handle)s."), "unblock"),
    "unblock": Action(services.unblock, _("You unblocked @%(handle)s. Follows that the block ended are not restored.")),
    "mute": Action(services.mute, _("You muted @%(handle)s."), "unmute"),
    "unmute": Action(services.unmute, _("You unmuted @%(handle)s.")),
    "remove-follower": Action(services.remove_follower, _("@%(handle)s no longer follows you.")),
}


@require_POST
@page(members_only=True)
def act(request: HttpRequest, handle: str, action: str) -> HttpResponse:
    """Follow, unfollow, block, unblock, mute or unmute an account, or remove it from the followers.

    `?part=profile`: the page shows the profile, so that all of it is replaced. Raises NotFound.
    """
    chosen, name = ACTIONS[action], _handle(request, handle)
    if action == "unfollow" and _must_ask(request, name):
        return render_page(request, "web/unfollow.html", {"handle": name})
    before = get_profile_or_404(request, f"@{name}").relationship if action == "block" else None
    after = chosen.service(name, by=member_id(request))
    if action == "unblock" and "follow" in request.GET:
        # Undoes a block that has ended a follow, or a request to follow.
        after = services.follow(name, by=member_id(request))
    text = str(_message(action, before, after)) % {"handle": name}
    if not wants_part(request):
        if text:
            messages.success(request, text)
        profile_url = reverse("web:profile", args=[name])
        return redirect(profile_url) if "confirmed" in request.POST else go_back(request, profile_url)
    response = _parts(request, name)
    followed = before is not None and (before.following or before.requested)
    return show_message(response, text, undo=_undo(request, name, chosen, followed=followed)) if text else response


def _message(action: str, before: reads.Relationship | None, after: reads.Relationship) -> str | Promise:
    """What the page says after an action: also what a block ends, and what its undo restores."""
    if action == "block" and before and before.followed_by:
        return _("You blocked @%(handle)s, who no longer follows you.")
    if action == "unblock" and after.following:
        return _("You unblocked @%(handle)s, and you follow them again.")
    if action == "unblock" and after.requested:
        return _("You unblocked @%(handle)s, and you have asked to follow them again.")
    return ACTIONS[action].message


def _handle(request: HttpRequest, handle: str) -> str:
    """The handle as it is stored. Raises NotFound if no account can have it."""
    return str(resolve_identifier(request, f"@{handle}"))


def _must_ask(request: HttpRequest, handle: str) -> bool:
    """Whether to ask before unfollowing: a private account must accept the next follow. With JavaScript the page has
    asked."""
    if wants_part(request) or "confirmed" in request.POST:
        return False
    profile = get_profile_or_404(request, f"@{handle}")
    return profile.is_private and bool(profile.relationship and profile.relationship.following)


def _undo(request: HttpRequest, handle: str, action: Action, *, followed: bool) -> str:
    """The path that undoes an action, which replaces the same parts of the page."""
    if not action.undo:
        return ""
    query = {"part": "profile"} if request.GET.get("part") == "profile" else {}
    query |= {"follow": "true"} if followed else {}
    path = reverse("web:relate", args=[handle, action.undo])
    return f"{path}?{urlencode(query)}" if query else path


def _parts(request: HttpRequest, handle: str) -> HttpResponse:
    """The parts of the page that show the relationship. htmx puts each in its place."""
    if request.GET.get("part") == "profile":
        return render_part(request, "web/parts/profile.html", read_profile(request, handle) | {"is_part": True})
    profile = present_profile(get_profile_or_404(request, f"@{handle}"), request.user.pk)
    return render_part(request, "web/parts/relationship.html", {"person": profile})


# ── Follow requests ──────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page(members_only=True)
def request_list(request: HttpRequest) -> HttpResponse:
    """Who asks to follow the member."""
    people = paginate_people(request, "requests", REQUESTS)
    return render_list(
        request, people, template="web/requests.html", part="web/parts/requests.html", context={"people": people}
    )


ANSWERS = {"accept": services.accept_request, "reject": services.reject_request}
_ANSWERED = {
    "accept": _("@%(handle)s now follows you."),
    "reject": _("You rejected the request of @%(handle)s."),
}


@require_POST
@page(members_only=True)
def answer(request: HttpRequest, handle: str, answer: str) -> HttpResponse:
    """Accept or reject a follow request. Raises NotFound if there is none."""
    name = _handle(request, handle)
    ANSWERS[answer](name, by=member_id(request))
    if not wants_part(request):
        messages.success(request, str(_ANSWERED[answer]) % {"handle": name})
        return go_back(request, reverse("web:requests"))
    profile = present_profile(get_profile_or_404(request, f"@{handle}"), request.user.pk)
    return render_part(request, "web/parts/accepted.html", {"person": profile})
