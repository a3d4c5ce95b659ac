"""Statements of reasons: what whom it hits is told, and the mail that tells it.

They say what article 17(3) of Regulation (EU) 2022/2065, the Digital Services Act, lists, point by point; `POINTS` is
that list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core import signing
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import User
from apps.core import mail
from apps.core.db.ids import moment_of
from apps.core.tasks import leased
from apps.moderation.cases.decisions import SEND_STATEMENT
from apps.moderation.models import Category, ModerationAction, Statement, TargetType

log = structlog.get_logger(__name__)
Action = ModerationAction.Action

# Article 20 asks for six months in which one can object.
APPEAL_LIFETIME = timedelta(days=184)
_SALT = "photogram.moderation.appeal"

# Longer than the task may run.
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5

RULES = {
    Category.SPAM: "our rules, which do not allow spam",
    Category.NUDITY: "our rules, which do not allow nudity and sexual content",
    Category.VIOLENCE: "our rules, which do not allow violence, or threats and praise of it",
    Category.HATE: "our rules, which do not allow hatred against people for what they are",
    Category.HARASSMENT: "our rules, which do not allow harassing others",
    Category.SELF_HARM: "our rules, which do not allow encouraging self-harm",
    Category.ILLEGAL: "the law: we hold it to be illegal content, for the reason given above",
    Category.INTELLECTUAL_PROPERTY: "the law: we hold it to infringe somebody's intellectual property",
    Category.IMPERSONATION: "our rules, which do not allow passing oneself off as somebody else",
    Category.OTHER: "our rules, for the reason given above",
}
# The categories whose ground is the law, and not our rules.
ON_THE_LAW = frozenset({Category.ILLEGAL, Category.INTELLECTUAL_PROPERTY})
_THING = {TargetType.USER: "account", TargetType.POST: "post", TargetType.COMMENT: "comment"}


# ── What is said ─────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Letter:
    subject: str
    paragraphs: list[str]


def compose(action: ModerationAction) -> Letter:
    """In plain text: whoever renders it as something else escapes it."""
    subject, decision = _decision(action, _THING[TargetType(action.target_type)])
    paragraphs = [decision]
    if action.action in {Action.TAKEDOWN, Action.SUSPEND}:
        paragraphs = [point(action) for point in POINTS.values()]
    elif action.reason:
        paragraphs.append(_because(action))
    return Letter(subject, [*paragraphs, f"Reference: {action.pk}"])


def _scope(action: ModerationAction) -> str:
    """(a) What was decided; how far, where, and for how long it reaches."""
    return _decision(action, _THING[TargetType(action.target_type)])[1]


def _facts(action: ModerationAction) -> str:
    """(b) The facts and circumstances, and whether a notice led to it or our own initiative. Who gave notice is not
    told: it is never necessary for knowing what is wrong."""
    thing = _THING[TargetType(action.target_type)]
    made = "was opened" if thing == "account" else "was published"
    facts = f"The {thing} {made} on {_spoken(moment_of(action.target_id))}; we decided on {_spoken(action.created_at)}."
    return " ".join(filter(None, [_because(action), facts, _occasion(action)]))


def _means(action: ModerationAction) -> str:
    """(c) Automated means, in finding it and in deciding. What has no actor was done by a machine."""
    if action.actor_id is None:
        return "It was found and decided by automated means; whoever objects is answered by a person."
    return "A person decided; no automated means were used to find it or to decide."


def _ground(action: ModerationAction) -> str:
    """(d) The legal ground, or (e) the contractual one, and why what was done falls under it."""
    return f"This rests on {RULES[Category(action.category)]}."


def _redress(action: ModerationAction) -> str:
    """(f) Our own complaint handling, out-of-court settlement, and the courts."""
    return (
        "You can object, free of charge, within six months, and somebody else than who decided will decide anew: "
        "by the link in our mail, which needs no signing in, or signed in by POST "
        f"/v1/moderation/actions/{action.pk}/appeal. You can also turn to a certified body for the out-of-court "
        "settlement of disputes, or to a court."
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
    return f"The reason given by who decided: {action.reason}" if action.reason else ""


def _decision(action: ModerationAction, thing: str) -> tuple[str, str]:
    which = f"your {thing}" if thing == "account" else f"your {thing} {action.target_id}"
    match action.action:
        case Action.TAKEDOWN:
            until = "It applies everywhere and until it is lifted."
            return f"Your {thing} was taken down", f"We have taken down {which}: nobody else can see it. {until}"
        case Action.SUSPEND:
            until = f"until {_spoken(action.until)}" if action.until else "until it is lifted"
            return (
                "Your account is suspended",
                f"We have suspended your account: you cannot sign in, and nobody can see it or what you have posted. "
                f"It applies everywhere and {until}.",
            )
        case Action.RESTORE:
            return f"Your {thing} is back", f"We have restored {which}: it is what it was before."
        case Action.UNSUSPEND:
            return "Your account stands again", "Your account is suspended no longer, and all of it is back."
        case Action.OVERTURN_APPEAL:
            since = (
                "" if action.reverses_id else " It had been lifted or replaced before; what was decided since stands."
            )
            return "You were right to object", f"On your objection we have reversed our decision about {which}.{since}"
    return "Our decision stands", f"We have looked again at our decision about {which}, as you asked, and it stands."


def _occasion(action: ModerationAction) -> str:
    reported = ModerationAction.objects.with_occasion().filter(Q(reported=True), pk=action.pk)
    return "It had been reported to us." if reported.exists() else "We looked at it on our own initiative."


def _spoken(moment: datetime) -> str:
    return f"{moment:%d %B %Y, %H:%M} UTC"


# ── The link by which also the suspended can object ──────────────────────────────────────────────────────
def appeal_token(action_id: UUID) -> str:
    return signing.dumps(str(action_id), salt=_SALT)


def opens_appeal(token: str, action_id: UUID) -> bool:
    """Whether the token is of our mail about this very action, and not too old."""
    try:
        signed: str = signing.loads(token, salt=_SALT, max_age=APPEAL_LIFETIME)
    except (signing.BadSignature, ValueError):
        return False
    return signed == str(action_id)


# ── The mail ─────────────────────────────────────────────────────────────────────────────────────────────
def send(action_id: UUID) -> None:
    """Mail it, once: the worker that claims the row sends. What fails is attempted again later, by the sweep."""
    statement: Statement | None = _unsent().claim(action_id, lease=LEASE)
    if statement is None:
        return
    try:
        _mail(statement.action, statement.user)
    except (OSError, SMTPException) as error:
        log.warning("statement_not_mailed", action_id=str(action_id), attempt=statement.attempts, error=str(error))
        Statement.objects.release(statement, after=timedelta(minutes=2**statement.attempts))
        return
    Statement.objects.finish(statement, mailed_at=timezone.now())


def enqueue_due() -> int:
    """Enqueue the statements whose task was lost, whose worker died, or whose mail failed. Returns how many."""
    return leased.enqueue_due(_unsent(), task=SEND_STATEMENT, argument="action_id")


def _unsent() -> leased.LeasedJobQuerySet:
    return Statement.objects.filter(mailed_at=None, attempts__lt=MAX_ATTEMPTS)


def _mail(action: ModerationAction, user: User) -> None:
    letter = compose(action)
    context: dict[str, Any] = {"name": user.display_name or user.handle, "paragraphs": letter.paragraphs}
    if action.action in {Action.TAKEDOWN, Action.SUSPEND}:
        context["link"] = f"{settings.CLIENT_URL}/appeal?action={action.pk}&token={appeal_token(action.pk)}"
    mail.send(to=user.email, subject=letter.subject, template="statement", context=context, about=action.pk)
