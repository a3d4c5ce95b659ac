"""Signing in and out, joining, and the links of mails."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import services
from apps.accounts.api import attempts
from apps.accounts.api.clients import describe_client
from apps.accounts.models import Session
from apps.core.errors import DomainError
from apps.web import sessions
from apps.web.errors import field_errors
from apps.web.http import go, page, render_page, safe_path


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@page()
def login(request: HttpRequest) -> HttpResponse:
    """Sign in with handle or e-mail address and password."""
    to = safe_path(request, request.POST.get("next") or request.GET.get("next", ""))
    context = {"next": to, "login": request.POST.get("login", ""), "errors": {}}
    if request.method != "POST":
        return go(request, to) if request.user.is_authenticated else render_page(request, "web/login.html", context)
    try:
        session = services.sign_in(
            attempts.count_attempt(request, request.POST.get("login", "")[: attempts.LONGEST_LOGIN]),
            password=request.POST.get("password", ""),
            kind=Session.Kind.WEB,
            **describe_client(request),
        )
    except DomainError as error:
        return render_page(request, "web/login.html", context | {"errors": field_errors(error)}, status=error.status)
    response = go(request, to)
    sessions.set_cookie_of(response, session)
    return response


@require_POST
@page()
def logout(request: HttpRequest) -> HttpResponse:
    """End the session of this browser."""
    auth: sessions.WebSession | None = request.auth  # type: ignore[attr-defined]
    if auth:
        services.end_session(auth.user_id, auth.session_id, reason=Session.EndReason.SIGNED_OUT)
    response = go(request, "/")
    sessions.delete_cookie(response)
    return response
