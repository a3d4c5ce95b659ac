"""What the views of pages share: the rate limit, sign-in, the shell of a page, and forms."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
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

from apps.accounts import consents, reads
from apps.accounts.models import DEFAULT_SETTINGS, User
from apps.accounts.reads import Member
from apps.accounts.services import must_confirm_email
from apps.core.api import throttling
from apps.core.api.addresses import client_network
from apps.core.api.views import READ_METHODS
from apps.core.errors import Unauthorized
from apps.media.api.serializers import serialize_avatar
from apps.notifications.reads import count_unread
from apps.site import reads as site
from apps.site.colours import DEFAULT_ACCENT
from apps.site.models import Announcement, SiteSettings

View = Callable[..., HttpResponse]
LINKED_PAGES = (
    *("home", "explore", "search", "new", "notifications", "settings", "suggestions"),
    *("login", "logout", "join", "manifest", "new_posts", "refresh_posts"),
)
# The announcements that the browser has dismissed: ids separated by dots.
ANNOUNCEMENTS_COOKIE = "dismissed-announcements"
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


# ── Paths ────────────────────────────────────────────────────────────────────────────────────────────
@cache
def _prefix_of(name: str) -> str:
    sample = "00000000-0000-0000-0000-000000000000"
    return reverse(name, args=[sample]).removesuffix(sample)


def path_of(name: str, last: str) -> str:
    """The path of a page whose last part is an id, a handle, which need no quoting, or a quoted text. `reverse` takes a
    hundred times as long, and a page of the feed has dozens of them."""
    return _prefix_of(name) + last


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
    is_restricted = bool(getattr(request.user, "is_restricted", False))
    return {
        "member": None if member is None or is_restricted else summarize_member(request, member),
        "is_restricted": is_restricted,
        "paths": _paths(),
        "preferences": load_preferences(request),
        **describe_site(site.current()),
        "announcements": [] if is_restricted else current_announcements(request),
        "pending_documents": consents.pending(member) if member and not is_restricted else [],
        "vapid_public_key": settings.VAPID_PUBLIC_KEY,
    }


@cache
def _paths() -> dict[str, str]:
    """The paths of the pages to which every page links, by name. `{% url %}` would find each of them for every page."""
    return {name: reverse(f"web:{name}") for name in LINKED_PAGES}


def load_member(request: HttpRequest) -> Member | None:
    """What pages show of the signed-in account; `request.user` has only the fields of the session cache. Read once for
    each request."""
    if request.user.pk is None:
        return None
    if not hasattr(request, "member"):
        request.member = reads.get_member(member_id(request))  # type: ignore[attr-defined]
    found: Member | None = request.member  # type: ignore[attr-defined]
    return found


def describe_site(own: SiteSettings) -> dict[str, Any]:
    """The context that also pages without the shell need: the name, the logo and the colour of the site."""
    return {"site_name": own.name, "site": own, "has_own_accent": own.accent != DEFAULT_ACCENT}


def current_announcements(request: HttpRequest) -> list[Announcement]:
    """Those that are shown now and that this browser has not dismissed."""
    dismissed = request.COOKIES.get(ANNOUNCEMENTS_COOKIE, "").split(".")
    return [each for each in site.announcements() if each.pk.hex not in dismissed]


def get_member(request: HttpRequest) -> User:
    """The signed-in account with all fields and its avatar, for views of members only."""
    member: User = User.objects.owned_by(member_id(request)).get()
    # Those that this session may use, without a query.
    member.ranks = cast(User, request.user).ranks
    return member


def load_preferences(request: HttpRequest) -> dict[str, Any]:
    """The settings of the member, or the defaults for anonymous visitors."""
    member = load_member(request)
    return member.settings if member else DEFAULT_SETTINGS


def member_id(request: HttpRequest) -> UUID:
    """The id of the signed-in account, for views of members only."""
    return cast(UUID, request.user.pk)


def summarize_member(request: HttpRequest, member: Member) -> dict[str, Any]:
    return {
        "id": member.id,
        "handle": member.handle,
        "url": path_of("web:profile", member.handle),
        "name": member.display_name or member.handle,
        "avatar": serialize_avatar(member.avatar),
        "email": member.email,
        "email_verified": member.email_verified_at is not None,
        "must_confirm": must_confirm_email(member),
        "is_moderator": cast(User, request.user).is_moderator,
        "unread": count_unread(member.id),
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
