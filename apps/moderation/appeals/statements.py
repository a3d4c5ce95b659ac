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
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.core import mail
from apps.core.db.ids import moment_of
from apps.core.languages import use_language
from apps.core.tasks import leased
from apps.core.time_zones import show_dates_in
from apps.moderation.appeals import graded
from apps.moderation.cases.decisions import SEND_STATEMENT
from apps.moderation.cases.policies import localize_reason
from apps.moderation.models import MEASURES, Category, ModerationAction, Statement, TargetType
from apps.site import reads as site

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
    Category.SPAM: _("our rules, which do not allow spam"),
    Category.NUDITY: _("our rules, which do not allow nudity and sexual content"),
    Category.VIOLENCE: _("our rules, which do not allow violence, threats of violence or praise of it"),
    Category.HATE: _("our rules, which do not allow hatred against groups of people"),
    Category.HARASSMENT: _("our rules, which do not allow harassment"),
    Category.SELF_HARM: _("our rules, which do not allow encouraging self-harm"),
    Category.ILLEGAL: _("the law: we consider it illegal content, for the reason given above"),
    Category.INTELLECTUAL_PROPERTY: _("the law: we consider that it infringes intellectual property rights"),
    Category.IMPERSONATION: _("our rules, which do not allow impersonation"),
    Category.OTHER: _("our rules, for the reason given above"),
}
# The categories whose ground is the law, not our rules.
ON_THE_LAW = frozenset({Category.ILLEGAL, Category.INTELLECTUAL_PROPERTY})
# Characters of a caption or a comment that a statement quotes.
EXCERPT = 80


# ── The text ─────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class StatementText:
    subject: str
    paragraphs: list[str]


def compose(action: ModerationAction) -> StatementText:
    """The statement as plain text, in the active language and time zone. Escape it in other formats."""
    subject, decision = _decision(action)
    paragraphs = [decision]
    if action.action in MEASURES:
        paragraphs = [point(action) for point in POINTS.values()]
    elif action.reason:
        paragraphs.append(_because(action))
    return StatementText(subject, [*paragraphs, _reference(action)])


def compose_together(actions: Sequence[ModerationAction]) -> StatementText:
    """The statement of the same measure on several posts and comments for the same reason, without what differs
    (`_item`)."""
    number, first = len(actions), actions[0]
    subject, decision = graded.describe_together(actions) or _takedowns(number)
    return StatementText(
        subject,
        [
            decision,
            *filter(None, [_because(first), _means(first), _ground(first), _redress(first)]),
        ],
    )


def _takedowns(number: int) -> tuple[str, str]:
    """The subject and the decision of several takedowns."""
    subject = ngettext(
        "%(number)d of your posts and comments was taken down",
        "%(number)d of your posts and comments were taken down",
        number,
    )
    decision = ngettext(
        "We have taken down %(number)d of your posts and comments: other users cannot see it. This applies everywhere, "
        "until it is lifted.",
        "We have taken down %(number)d of your posts and comments: other users cannot see them. This applies "
        "everywhere, until it is lifted.",
        number,
    )
    return subject % {"number": number}, decision % {"number": number}


def _item(action: ModerationAction) -> str:
    """One of several measures."""
    day, text = format_day(moment_of(action.target_id)), _first_words(action)
    if action.target_type == TargetType.COMMENT:
        which = _("Your comment of {day} (“{text}”).") if text else _("Your comment of {day}.")
    else:
        which = _("Your post of {day} (“{text}”).") if text else _("Your post of {day}.")
    return f"{which.format(day=day, text=text)} {_circumstances(action)} {_reference(action)}"


def _reference(action: ModerationAction) -> str:
    return _("Reference: {id}").format(id=action.pk)


def _scope(action: ModerationAction) -> str:
    """(a) The decision, and its territorial scope and duration."""
    return _decision(action)[1]


def _facts(action: ModerationAction) -> str:
    """(b) The facts and circumstances, and whether a notice or our own initiative led to the decision.

    The reporter is never named: the recipient does not need it to understand the decision.
    """
    return " ".join(filter(None, [_because(action), _circumstances(action)]))


_CREATED = {
    TargetType.USER: _("The account was opened on {created}; we decided on {decided}."),
    TargetType.POST: _("The post was published on {created}; we decided on {decided}."),
    TargetType.COMMENT: _("The comment was published on {created}; we decided on {decided}."),
}


def _circumstances(action: ModerationAction) -> str:
    created, decided = _format_time(moment_of(action.target_id)), _format_time(action.created_at)
    times = _CREATED[TargetType(action.target_type)].format(created=created, decided=decided)
    return f"{times} {_occasion(action)}"


def _means(action: ModerationAction) -> str:
    """(c) The use of automated means. Actions without an actor were automatic."""
    if action.actor_id is None:
        return gettext("It was found and decided by automated means. A person decides on appeals.")
    return gettext("A person decided; no automated means were used to find it or to decide.")


def _ground(action: ModerationAction) -> str:
    """(d) The legal ground, or (e) the contractual ground, with the rule in its wording at the time of the decision."""
    ground = gettext("The decision is based on {ground}.").format(ground=RULES[Category(action.category)])
    if action.rule_version is None:
        return ground
    words = site.translate(action.rule_version.texts)
    breach = gettext("It breaks this rule: “{title}”.").format(title=words["title"])
    return " ".join(filter(None, [ground, breach, words.get("text")]))


def _redress(action: ModerationAction) -> str:
    """(f) Our complaint handling, out-of-court settlement, and the courts."""
    return gettext(
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
    return _("Reason given: {reason}").format(reason=localize_reason(action.reason)) if action.reason else ""


_TAKEN_DOWN = {TargetType.POST: _("Your post was taken down"), TargetType.COMMENT: _("Your comment was taken down")}
_RESTORED = {TargetType.POST: _("Your post is back"), TargetType.COMMENT: _("Your comment is back")}


def _decision(action: ModerationAction) -> tuple[str, str]:
    """The subject, and the decision in a sentence."""
    which = _which(action)
    if described := graded.describe(action, which):
        return described
    match action.action:
        case Action.TAKEDOWN:
            decision = _(
                "We have taken down {which}: other users cannot see it. This applies everywhere, until it is lifted."
            )
            return str(_TAKEN_DOWN[TargetType(action.target_type)]), decision.format(which=which)
        case Action.SUSPEND:
            return gettext("Your account is suspended"), _suspension(action)
        case Action.RESTORE:
            decision = _("We have restored {which}.")
            return str(_RESTORED[TargetType(action.target_type)]), decision.format(which=which)
        case Action.UNSUSPEND:
            restored = gettext("Your account is no longer suspended, and your content is visible again.")
            return gettext("Your account is restored"), restored
        case Action.OVERTURN_APPEAL:
            decision = _("After your appeal we reversed our decision about {which}.")
            later = _("It was lifted or replaced before; later decisions remain in force.")
            sentences = [decision.format(which=which), *([] if action.reverses_id else [str(later)])]
            return gettext("Your appeal was successful"), " ".join(sentences)
    decision = _("We have reviewed our decision about {which}, and it remains in force.")
    return gettext("Your appeal was rejected"), decision.format(which=which)


def _suspension(action: ModerationAction) -> str:
    effect = gettext(
        "We have suspended your account: nobody can see your profile or your posts. You can sign in only to read this "
        "decision, to appeal, to download your data and to delete your account."
    )
    if action.until is None:
        return f"{effect} {gettext('This applies everywhere, until it is lifted.')}"
    scope = gettext("This applies everywhere, until {until}.")
    return f"{effect} {scope.format(until=_format_time(action.until))}"


def _which(action: ModerationAction) -> str:
    """The target as the object of a sentence: by its day and its first words, as people do not know its id."""
    if action.target_type == TargetType.USER:
        return gettext("your account")
    day, text = format_day(moment_of(action.target_id)), _first_words(action)
    if action.target_type == TargetType.COMMENT:
        which = _("your comment of {day} (“{text}”)") if text else _("your comment of {day}")
    else:
        which = _("your post of {day} (“{text}”)") if text else _("your post of {day}")
    return which.format(day=day, text=text)


def _first_words(action: ModerationAction) -> str:
    """The beginning of the caption or the comment; empty if it was deleted."""
    if not hasattr(action, "excerpt"):
        action = ModerationAction.objects.with_excerpt().get(pk=action.pk)
    return shorten(action.excerpt, EXCERPT, placeholder="…")


def _occasion(action: ModerationAction) -> str:
    if not hasattr(action, "reported"):
        action = ModerationAction.objects.with_occasion().get(pk=action.pk)
    if action.reported:
        return gettext("It was reported to us.")
    return gettext("We reviewed it on our own initiative.")


def _format_time(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{date_format(local, 'DATETIME_FORMAT')} {local:%Z}"


def format_day(moment: datetime) -> str:
    """The day in the active language and time zone."""
    return date_format(timezone.localtime(moment), "DATE_FORMAT")


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
        action__rule_version=action.rule_version_id,
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
    context: dict[str, Any] = {"name": user.greeting_name}
    with use_language(user.locale), show_dates_in(user.time_zone):
        letter = compose(action) if len(actions) == 1 else compose_together(actions)
        context["paragraphs"] = letter.paragraphs
        if len(actions) > 1:
            context["items"] = [(_item(each), _appeal_link(each)) for each in actions]
    if len(actions) == 1 and action.action in MEASURES:
        context["link"] = _appeal_link(action)
    mail.send(
        to=user.email,
        locale=user.locale,
        time_zone=user.time_zone,
        subject=letter.subject,
        template="statement",
        context=context,
        about=action.pk,
    )
