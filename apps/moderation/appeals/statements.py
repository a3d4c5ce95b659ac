"""Statements of reasons: the text that an affected user receives, and its mail.

The text has the points that article 17(3) of Regulation (EU) 2022/2065 (Digital Services Act) lists; see `POINTS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException
from textwrap import shorten
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core import signing
from django.utils import timezone

from apps.accounts.models import User
from apps.core import mail
from apps.core.db.ids import moment_of
from apps.core.tasks import leased
from apps.moderation.appeals import graded
from apps.moderation.cases.decisions import SEND_STATEMENT
from apps.moderation.models import MEASURES, Category, ModerationAction, Statement, TargetType

log = structlog.get_logger(__name__)
Action = ModerationAction.Action

# Article 20 requires that users can appeal for six months.
APPEAL_LIFETIME = timedelta(days=184)
_SALT = "photogram.moderation.appeal"

# Longer than the task may run.
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5
# Statements in one mail.
MAX_TOGETHER = 100
# The measures on content whose statements are sent together.
MAILED_TOGETHER = frozenset({Action.TAKEDOWN, Action.MARK_SENSITIVE, Action.LIMIT_REACH})

RULES = {
    Category.SPAM: "our rules, which do not allow spam",
    Category.NUDITY: "our rules, which do not allow nudity and sexual content",
    Category.VIOLENCE: "our rules, which do not allow violence, threats of violence or praise of it",
    Category.HATE: "our rules, which do not allow hatred against groups of people",
    Category.HARASSMENT: "our rules, which do not allow harassment",
    Category.SELF_HARM: "our rules, which do not allow encouraging self-harm",
    Category.ILLEGAL: "the law: we consider it illegal content, for the reason given above",
    Category.INTELLECTUAL_PROPERTY: "the law: we consider that it infringes intellectual property rights",
    Category.IMPERSONATION: "our rules, which do not allow impersonation",
    Category.OTHER: "our rules, for the reason given above",
}
# The categories whose ground is the law, not our rules.
ON_THE_LAW = frozenset({Category.ILLEGAL, Category.INTELLECTUAL_PROPERTY})
# Characters of a caption or a comment that a statement quotes.
EXCERPT = 80
_THING = {TargetType.USER: "account", TargetType.POST: "post", TargetType.COMMENT: "comment"}


# ── The text ─────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class StatementText:
    subject: str
    paragraphs: list[str]


def compose(action: ModerationAction) -> StatementText:
    """The statement as plain text. Escape it in other formats."""
    subject, decision = _decision(action, _THING[TargetType(action.target_type)])
    paragraphs = [decision]
    if action.action in MEASURES:
        paragraphs = [point(action) for point in POINTS.values()]
    elif action.reason:
        paragraphs.append(_because(action))
    return StatementText(subject, [*paragraphs, f"Reference: {action.pk}"])


def compose_together(actions: Sequence[ModerationAction]) -> StatementText:
    """The statement of the same measure on several posts and comments for the same reason, without what differs
    (`_item`)."""
    number, first = len(actions), actions[0]
    subject, decision = graded.describe_together(actions) or (
        f"{number} of your posts and comments were taken down",
        f"We have taken down {number} of your posts and comments: other users cannot see them. This applies "
        "everywhere, until it is lifted.",
    )
    return StatementText(
        subject,
        [
            decision,
            *filter(None, [_because(first), _means(first), _ground(first), _redress(first)]),
        ],
    )


def _item(action: ModerationAction) -> str:
    """One of several measures."""
    which = _which(action, _THING[TargetType(action.target_type)])
    return f"{which[:1].upper()}{which[1:]}. {_circumstances(action)} Reference: {action.pk}"


def _scope(action: ModerationAction) -> str:
    """(a) The decision, and its territorial scope and duration."""
    return _decision(action, _THING[TargetType(action.target_type)])[1]


def _facts(action: ModerationAction) -> str:
    """(b) The facts and circumstances, and whether a notice or our own initiative led to the decision.

    The reporter is never named: the recipient does not need it to understand the decision.
    """
    return " ".join(filter(None, [_because(action), _circumstances(action)]))


def _circumstances(action: ModerationAction) -> str:
    thing = _THING[TargetType(action.target_type)]
    verb = "was opened" if thing == "account" else "was published"
    created, decided = _format_time(moment_of(action.target_id)), _format_time(action.created_at)
    return f"The {thing} {verb} on {created}; we decided on {decided}. {_occasion(action)}"


def _means(action: ModerationAction) -> str:
    """(c) The use of automated means. Actions without an actor were automatic."""
    if action.actor_id is None:
        return "It was found and decided by automated means. A person decides on appeals."
    return "A person decided; no automated means were used to find it or to decide."


def _ground(action: ModerationAction) -> str:
    """(d) The legal ground, or (e) the contractual ground."""
    return f"The decision is based on {RULES[Category(action.category)]}."


def _redress(action: ModerationAction) -> str:
    """(f) Our complaint handling, out-of-court settlement, and the courts."""
    return (
        "You can appeal, free of charge, within six months, and a different person will review the decision. Use the "
        "link in our mail, for which you need not sign in, or appeal in the app. You can also turn to a certified "
        "out-of-court dispute settlement body, or to a court."
    )


# Article 17(3), in its order.
POINTS: dict[str, Callable[[ModerationAction], str]] = {
    "a": _scope,
    "b": _facts,
    "c": _means,
    "d/e": _ground,
    "f": _redress,
}


def _because(action: ModerationAction) -> str:
    return f"Reason given: {action.reason}" if action.reason else ""


def _decision(action: ModerationAction, thing: str) -> tuple[str, str]:
    which = _which(action, thing)
    if described := graded.describe(action, which):
        return described
    match action.action:
        case Action.TAKEDOWN:
            scope = "This applies everywhere, until it is lifted."
            return f"Your {thing} was taken down", f"We have taken down {which}: other users cannot see it. {scope}"
        case Action.SUSPEND:
            until = f"until {_format_time(action.until)}" if action.until else "until it is lifted"
            return (
                "Your account is suspended",
                f"We have suspended your account: you cannot sign in, and nobody can see your profile or your posts. "
                f"This applies everywhere, {until}.",
            )
        case Action.RESTORE:
            return f"Your {thing} is back", f"We have restored {which}."
        case Action.UNSUSPEND:
            return "Your account is restored", "Your account is no longer suspended, and your content is visible again."
        case Action.OVERTURN_APPEAL:
            later = "" if action.reverses_id else " It was lifted or replaced before; later decisions remain in force."
            return "Your appeal was successful", f"After your appeal we reversed our decision about {which}.{later}"
    return "Your appeal was rejected", f"We have reviewed our decision about {which}, and it remains in force."


def _which(action: ModerationAction, thing: str) -> str:
    """The target in words: by its day and its first words, as people do not know its id."""
    if action.target_type == TargetType.USER:
        return f"your {thing}"
    text = _first_words(action)
    return f"your {thing} of {_format_day(moment_of(action.target_id))}" + (f" (“{text}”)" if text else "")


def _first_words(action: ModerationAction) -> str:
    """The beginning of the caption or the comment; empty if it was deleted."""
    if not hasattr(action, "excerpt"):
        action = ModerationAction.objects.with_excerpt().get(pk=action.pk)
    return shorten(action.excerpt, EXCERPT, placeholder="…")


def _occasion(action: ModerationAction) -> str:
    if not hasattr(action, "reported"):
        action = ModerationAction.objects.with_occasion().get(pk=action.pk)
    return "It was reported to us." if action.reported else "We reviewed it on our own initiative."


def _format_time(moment: datetime) -> str:
    return f"{_format_day(moment)}, {moment:%H:%M} UTC"


def _format_day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


# ── The link to appeal without signing in ──────────────────────────────────────────────────────
def appeal_token(action_id: UUID) -> str:
    return signing.dumps(str(action_id), salt=_SALT)


def _appeal_link(action: ModerationAction) -> str:
    return f"{settings.CLIENT_URL}/appeal?action={action.pk}&token={appeal_token(action.pk)}"


def opens_appeal(token: str, action_id: UUID) -> bool:
    """Whether the token is from the mail about this action and not expired."""
    try:
        signed: str = signing.loads(token, salt=_SALT, max_age=APPEAL_LIFETIME)
    except (signing.BadSignature, ValueError):
        return False
    return signed == str(action_id)


# ── The mail ─────────────────────────────────────────────────────────────────────────────────────────────
def send(action_id: UUID) -> None:
    """Send the mail once, by the worker that claims the row. The sweep retries it after a failure.

    Waiting statements of the same measure on posts and comments for the same reason, by a bulk decision, are sent in
    the same mail.
    """
    statement: Statement | None = _unsent().claim(action_id, lease=LEASE)
    if statement is None:
        return
    claimed = [statement, *_claim_same_decisions(statement)]
    try:
        _mail([each.action for each in claimed], statement.user)
    except (OSError, SMTPException) as error:
        log.warning("statement_not_mailed", action_id=str(action_id), attempt=statement.attempts, error=str(error))
        for each in claimed:
            Statement.objects.release(each, after=timedelta(minutes=2**each.attempts))
        return
    for each in claimed:
        Statement.objects.finish(each, mailed_at=timezone.now())


def _claim_same_decisions(statement: Statement) -> list[Statement]:
    """The other waiting statements of the same measure on content of the same user by the same moderator for the same
    reason."""
    action = statement.action
    if action.action not in MAILED_TOGETHER or action.target_type == TargetType.USER:
        return []
    same = _unsent().filter(
        action__target_type__in=[TargetType.POST, TargetType.COMMENT],
        user=statement.user_id,
        action__action=action.action,
        action__actor=action.actor_id,
        action__reason=action.reason,
        action__category=action.category,
    )
    ids = list(same.exclude(pk=statement.pk).order_by("pk").values_list("pk", flat=True)[: MAX_TOGETHER - 1])
    claimed = [_unsent().claim(pk, lease=LEASE) for pk in ids]
    return [each for each in claimed if each]


def enqueue_due() -> int:
    """Enqueue the statements whose task was lost, whose worker died, or whose mail failed. Returns how many."""
    return leased.enqueue_due(_unsent(), task=SEND_STATEMENT, argument="action_id")


def _unsent() -> leased.LeasedJobQuerySet:
    return Statement.objects.filter(mailed_at=None, attempts__lt=MAX_ATTEMPTS)


def _mail(actions: Sequence[ModerationAction], user: User) -> None:
    action = actions[0]
    letter = compose(action) if len(actions) == 1 else compose_together(actions)
    context: dict[str, Any] = {"name": user.greeting_name, "paragraphs": letter.paragraphs}
    if len(actions) > 1:
        context["items"] = [(_item(each), _appeal_link(each)) for each in actions]
    elif action.action in MEASURES:
        context["link"] = _appeal_link(action)
    mail.send(to=user.email, subject=letter.subject, template="statement", context=context, about=action.pk)
