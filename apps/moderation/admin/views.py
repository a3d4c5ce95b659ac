"""The base of the pages on which moderators decide cases."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.formats import date_format

from apps.accounts.models import User
from apps.core.errors import DomainError
from apps.moderation.admin.pages import ConsolePage, current_user
from apps.moderation.cases import queue, reads
from apps.moderation.models import MEASURES, REVERSALS, Decision, ModerationAction, TargetType

# The key that chooses each decision.
KEYS: dict[str, str] = {
    Decision.TAKE_DOWN: "t",
    Decision.DISMISS: "d",
    Decision.SUSPEND: "s",
    Decision.RESOLVE: "r",
    Decision.MARK_SENSITIVE: "m",
    Decision.LIMIT_POST: "p",
    Decision.LIMIT_ACCOUNT: "l",
    Decision.WARN: "w",
}
Keys = list[tuple[str, str]]
# The keys of every list and every form.
LIST_KEYS: Keys = [("j", "next"), ("k", "previous")]
FORM_KEYS: Keys = [
    ("Ctrl+Enter", "preview"),
    ("Enter", "confirm, in the preview"),
    ("Esc", "leave the form, or go back"),
]


class ModerationView(ConsolePage):
    """A page on which moderators decide. Errors are shown as messages on the page that the form came from."""

    @property
    def moderator(self) -> User:
        return current_user(self.request)

    def render(self, template: str = "", *, title: str = "", **context: Any) -> HttpResponse:
        self.template_name = template or self.template_name
        self.title = title or self.title
        return self.render_to_response(self.get_context_data(**context))


def title_of(
    decision: str, case: reads.Case, *, reports: int, until: datetime | None = None, proposes: bool = False
) -> str:
    """The decision in words, with the person and the end of a suspension."""
    about = f"{reports} report{'' if reports == 1 else 's'} about the {case}"
    match decision:
        case Decision.SUSPEND:
            verb = "Propose to suspend" if proposes else "Suspend"
            period = f"until {date_format(until, 'DATETIME_FORMAT')}" if until else "permanently"
            return f"{verb} {case.person} {period}"
        case Decision.MARK_SENSITIVE:
            return f"Mark the {case} as sensitive"
        case Decision.LIMIT_POST:
            return f"Limit the reach of the {case}"
        case Decision.LIMIT_ACCOUNT:
            return f"Limit the reach of {case.person}"
        case Decision.WARN:
            return f"Warn {case.person}"
        case Decision.DISMISS:
            return f"Dismiss {about}"
        case Decision.RESOLVE:
            return f"Close {about} as resolved"
    return f"Take down the {case}"


def action_title(action: ModerationAction, person: User | None) -> str:
    """An action in the audit in words: "Takedown of the post by @alice", "Report dismissed: the post by @alice"."""
    owner = str(person) if person else "a deleted account"
    thing = owner if action.target_type == TargetType.USER else f"the {action.target_type} by {owner}"
    joint = " of" if action.action in MEASURES or action.action in REVERSALS else ":"
    return f"{action.get_action_display()}{joint} {thing}"


def case_url(path: str, act: str = "") -> str:
    """The page of a case. `path` is type/id."""
    url = reverse("admin:moderation_flag_case", args=path.split("/"))
    return f"{url}?act={act}" if act else url


def text_of(target: Any) -> str:
    """The text of a target, which may be deleted (None)."""
    if isinstance(target, User):
        return target.bio
    return str(getattr(target, "text", "") or getattr(target, "caption", ""))


def show_result(request: HttpRequest, sweep: queue.Sweep) -> None:
    """The numbers of a bulk decision, and the first few errors, as messages."""
    if sweep.done:
        messages.success(
            request,
            f"{sweep.done} case{pluralize(sweep.done)} decided, {sweep.closed} report{pluralize(sweep.closed)} closed.",
        )
    if sweep.proposed:
        messages.info(request, f"{sweep.proposed} proposed. Another moderator confirms.")
    for target, refusal in sweep.refused[:5]:
        messages.error(request, f"{target.type} {target.id}: {refusal.detail}")
    if len(sweep.refused) > 5:
        messages.error(request, f"{len(sweep.refused)} were refused in total.")


def error_text(refusal: DomainError) -> str:
    """The errors of the fields, or else the description of the error."""
    return " ".join(error["message"] for error in refusal.extra.get("errors", [])) or str(refusal.detail)
