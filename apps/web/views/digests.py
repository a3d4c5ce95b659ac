"""Stopping the mails to moderators about new reports, with the link of the mail and without signing in."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.moderation import preferences
from apps.web.http import page, render_page, require_form_methods


# Mail programs send the form without a cookie (RFC 8058). The token of the link authorises it.
@csrf_exempt
@require_form_methods
@page()
def stop(request: HttpRequest) -> HttpResponse:
    """A page with a button, as a mail scanner follows every link. Raises InvalidLink."""
    token = request.GET.get("token", "")
    if request.method == "POST":
        preferences.end_digest(token)
    else:
        preferences.read_unsubscribe_token(token)
    return render_page(request, "web/stop_digest.html", {"is_stopped": request.method == "POST"})
