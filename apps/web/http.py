"""What the views of pages share: the rate limit, sign-in, the shell of a page, and forms."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods
from rest_framework.serializers import Serializer

from apps.accounts.models import DEFAULT_SETTINGS, User
from apps.accounts.services import must_confirm_email
from apps.core.api import throttling
from apps.core.api.addresses import client_network
from apps.core.api.views import READ_METHODS
from apps.core.errors import Unauthorized
from apps.media.api.serializers import serialize_avatar
from apps.notifications.reads import count_unread

View = Callable[..., HttpResponse]
# For pages with a form.
require_form_methods = require_http_methods(["GET", "HEAD", "POST"])


def page(*, members_only: bool = False, scope: str = "") -> Callable[[View], View]:
    """Decorates every view of a page. Counts the request in the rate limit `scope`, or in that of the API for reads,
    writes and anonymous clients. With `members_only`, anonymous visitors are sent to sign in."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            _count(request, scope)
            if members_only and not request.user.is_authenticated:
                return redirect_to_login(request)
            return view(request, *args, **kwargs)

        return wrapper

    return decorate


def _count(request: HttpRequest, scope: str) -> None:
    user_id = request.user.pk
    if not scope:
        scope = "anonymous" if user_id is None else "read" if request.method in READ_METHODS else "write"
    throttling.count(request, scope, str(user_id) if user_id else client_network(request))


# ── Going elsewhere ──────────────────────────────────────────────────────────────────────────────────────
def redirect_to_login(request: HttpRequest) -> HttpResponse:
    """To the sign-in page, and from there back to the page that was requested, or from which a form was sent. Raises
    Unauthorized for scripts."""
    if wants_json(request):
        raise Unauthorized
    if request.method in READ_METHODS and not wants_part(request):
        back = request.get_full_path()
    else:
        back = request.headers.get("Referer", "/")
    return go(request, f"{reverse('web:login')}?{urlencode({'next': safe_path(request, back)})}")


def go(request: HttpRequest, to: str) -> HttpResponse:
    """A redirect that htmx follows with the whole page."""
    if is_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": iri_to_uri(to)})
    return HttpResponseRedirect(to)


def go_back(request: HttpRequest, default: str = "/") -> HttpResponse:
    """To the page from which a form was sent without JavaScript."""
    return HttpResponseRedirect(safe_path(request, request.headers.get("Referer", ""), default))


def safe_path(request: HttpRequest, url: str, default: str = "/") -> str:
    """The path and query of `url` if it leads to a page of this site, else `default`."""
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return default
    path = urlsplit(url)._replace(scheme="", netloc="").geturl()
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else default


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx sent the request, and swaps what is returned into the page."""
    return request.headers.get("HX-Request") == "true"


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx wants a part of a page. A boosted link wants the whole page."""
    return is_htmx(request) and request.headers.get("HX-Boosted") != "true"


def wants_json(request: HttpRequest) -> bool:
    """Whether a script of a page sent the request, and reads the response itself."""
    return request.headers.get("Accept", "").startswith("application/json")


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────
def render_page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """A whole page, in the shell with navigation."""
    return render(request, template, shell(request) | (context or {}), status=status)


def render_part(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A part of a page, for htmx. The context has only the id of the member."""
    member = {"id": request.user.pk} if request.user.pk else None
    return render(request, template, {"member": member} | context)


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context that every page needs: the signed-in member, if any, and their settings. The pages of a restricted
    session have no member, and so nothing that they may not use."""
    member = load_member(request)
    is_restricted = member is not None and member.is_restricted
    return {
        "member": None if member is None or is_restricted else summarize_member(member),
        "is_restricted": is_restricted,
        "preferences": load_preferences(request),
        "site_name": settings.SITE_NAME,
        "vapid_public_key": settings.VAPID_PUBLIC_KEY,
    }


def load_member(request: HttpRequest) -> User | None:
    """The signed-in account with all fields and its avatar; `request.user` has only those of the session cache. Read
    once for each request."""
    return None if request.user.pk is None else get_member(request)


def get_member(request: HttpRequest) -> User:
    """As `load_member`, for views of members only."""
    if not hasattr(request, "member"):
        member: User = User.objects.owned_by(member_id(request)).get()
        # Those that this session may use, without a query.
        member.ranks = cast(User, request.user).ranks
        request.member = member  # type: ignore[attr-defined]
    found: User = request.member  # type: ignore[attr-defined]
    return found


def load_preferences(request: HttpRequest) -> dict[str, Any]:
    """The settings of the member, or the defaults for anonymous visitors."""
    member = load_member(request)
    return DEFAULT_SETTINGS | (member.settings if member else {})


def member_id(request: HttpRequest) -> UUID:
    """The id of the signed-in account, for views of members only."""
    return cast(UUID, request.user.pk)


def summarize_member(member: User) -> dict[str, Any]:
    return {
        "id": member.pk,
        "handle": member.handle,
        "name": member.display_name or member.handle,
        "avatar": serialize_avatar(member.avatar),
        "email": member.email,
        "email_verified": member.email_verified_at is not None,
        "must_confirm": must_confirm_email(member),
        "is_moderator": member.is_moderator,
        "unread": count_unread(member.pk),
    }


# ── Forms ────────────────────────────────────────────────────────────────────────────────────────────────
def read_form(
    request: HttpRequest,
    serializer_class: type[Serializer[Any]],
    *,
    fields: Iterable[str],
    checkboxes: Iterable[str] = (),
    partial: bool = False,
) -> dict[str, Any]:
    """The `fields` and `checkboxes` of a sent form, validated by the serializer of the API. Raises ValidationError.

    An unchecked checkbox is False, because browsers do not send it.
    """
    data: dict[str, Any] = {name: request.POST[name] for name in fields if name in request.POST}
    data |= {name: name in request.POST for name in checkboxes}
    validated: dict[str, Any] = validate(serializer_class, data, partial=partial)
    return validated


def validate(serializer_class: type[Serializer[Any]], data: Mapping[str, Any], *, partial: bool = False) -> Any:
    """`data` as validated by the serializer of the API. Raises ValidationError."""
    serializer = serializer_class(data=dict(data), partial=partial)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data
