"""Errors as pages, and as messages in the page from which a request of htmx came."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views import csrf
from django_htmx.http import reswap, trigger_client_event
from rest_framework.exceptions import ValidationError

from apps.core.api import problems
from apps.core.api.console import is_console
from apps.core.errors import DomainError, Forbidden
from apps.site import reads as site
from apps.web.http import describe_site, load_preferences


def render_problem(request: HttpRequest, problem: dict[str, Any]) -> HttpResponse:
    """A problem document as a page. For a request of htmx the page stays, and shows the detail as a message."""
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=problem["status"])
        return show_message(reswap(response, "none"), problem["detail"], kind="error")
    context = {"problem": problem, "theme": _theme(request, problem["status"])} | describe_site(site.last_known())
    return render(request, "web/error.html", context, status=problem["status"])


def _theme(request: HttpRequest, status: int) -> str:
    """That of the member. It is not read from the database when the server itself has failed."""
    is_member = getattr(request, "auth", None) is not None and status < 500
    return str(load_preferences(request)["theme"]) if is_member else "system"


class CsrfFailed(Forbidden):
    """The CSRF token of a form is missing or old, for example because the member has signed in in another window."""

    code, title = "csrf_failed", _("This page is out of date. Reload it and try again.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. The console keeps Django's own page."""
    if is_console(request):
        return csrf.csrf_failure(request, reason)
    return problems.problem_response(CsrfFailed(), request)


def show_message(response: HttpResponse, text: str, *, kind: str = "info", undo: str = "") -> HttpResponse:
    """Let the page show a message after a request of htmx. `undo`: the path to which a press on "Undo" posts."""
    return trigger_client_event(response, "message", {"text": text, "kind": kind, "undo": undo})


def field_errors(error: DomainError | ValidationError) -> dict[str, list[str]]:
    """{field: messages} of a refused form. Errors of no field are under "" (a form shows these above its fields)."""
    refusal = problems.refusal_for(error)
    listed = refusal.extra.get("errors")
    if not listed:
        return {"": [str(refusal.detail)]}
    fields: dict[str, list[str]] = {}
    for entry in listed:
        fields.setdefault(entry["field"], []).append(entry["message"])
    return fields
