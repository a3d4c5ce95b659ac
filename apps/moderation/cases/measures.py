"""Graded measures between no action and a takedown: mark a post as sensitive, limit the reach of a post or an account,
warn an account.

Each is an action of the audit with a reason and a statement of reasons, and can be undone and appealed like a takedown.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Post
from apps.core.errors import NotFound
from apps.moderation import services
from apps.moderation.cases import decisions
from apps.moderation.cases.decisions import Target, in_force, lock_target, record
from apps.moderation.models import MEASURES, ModerationAction
from apps.site.models import RuleVersion

Action = ModerationAction.Action


def mark_sensitive(
    post: Post, *, by: User, reason: str, category: str, rule: RuleVersion | None = None, mail_now: bool = True
) -> ModerationAction:
    """Cover the photos of a post until the reader asks for them. The author cannot change it while the mark stands.

    Idempotent: returns the first action. `rule` and `mail_now` as in `decisions.record`. Raises ModeratorRequired,
    CannotModerate, NotFound if the post is deleted.
    """
    grounds: dict[str, Any] = {"by": by, "reason": reason, "category": category, "rule": rule, "mail_now": mail_now}
    return _take(Action.MARK_SENSITIVE, Target.of(post), lambda: content.mark_sensitive(post), **grounds)


def limit_post(
    post: Post, *, by: User, reason: str, category: str, rule: RuleVersion | None = None, mail_now: bool = True
) -> ModerationAction:
    """Leave a post out of explore, search and lists of tags (`PostQuerySet.in_reach`). As `mark_sensitive`."""
    grounds: dict[str, Any] = {"by": by, "reason": reason, "category": category, "rule": rule, "mail_now": mail_now}
    return _take(Action.LIMIT_REACH, Target.of(post), lambda: content.set_reach(post, limited=True), **grounds)


def limit_account(
    person: User, *, by: User, reason: str, category: str, rule: RuleVersion | None = None
) -> ModerationAction:
    """Leave an account and its posts out of explore, search, suggestions and lists of tags. As `mark_sensitive`."""
    grounds: dict[str, Any] = {"by": by, "reason": reason, "category": category, "rule": rule}
    return _take(Action.LIMIT_REACH, Target.of(person), lambda: accounts.set_reach(person, limited=True), **grounds)


@transaction.atomic
def _take(
    measure: str,
    target: Target,
    apply: Callable[[], object],
    *,
    by: User,
    reason: str,
    category: str,
    rule: RuleVersion | None,
    mail_now: bool = True,
) -> ModerationAction:
    services.require_authority(by, target.person_id)
    lock_target(target.id)
    apply()
    return in_force(measure, target.type, target.id) or _record(
        measure, target, by=by, reason=reason, category=category, rule=rule, mail_now=mail_now
    )


@transaction.atomic
def warn(person: User, *, by: User, reason: str, category: str, rule: RuleVersion | None = None) -> ModerationAction:
    """Send the account a message with the reason. It has no other effect and counts in the account's history.

    Each call is a new warning. Raises ModeratorRequired, CannotModerate, NotFound for an account that is being erased.
    """
    services.require_authority(by, person.pk)
    if person.state == User.State.ERASED:
        raise NotFound
    lock_target(person.pk)
    return _record(Action.WARN, Target.of(person), by=by, reason=reason, category=category, rule=rule)


@transaction.atomic
def lift(action: ModerationAction, *, by: User, reason: str) -> ModerationAction:
    """Undo a graded measure by an action that reverses it.

    Raises ModeratorRequired, CannotModerate, NothingToUndo if it is not in force, NotFound if the target is deleted.
    """
    target = _target(action)
    services.require_authority(by, target.person_id)
    lock_target(action.target_id)
    if not decisions.is_in_force(action):
        raise services.NothingToUndo(_("The action is not in force any more."))
    decisions.undo(action)
    return _record(
        MEASURES[Action(action.action)], target, by=by, reason=reason, category=action.category, reverses=action
    )


def _target(action: ModerationAction) -> Target:
    row = decisions.find_row(action.target_type, action.target_id)
    if row is None:
        raise NotFound(_("The target is deleted."))
    return Target.of(row)


def _record(action: str, target: Target, *, by: User, **more: Any) -> ModerationAction:
    return record(
        action,
        actor_id=by.pk,
        target_type=target.type,
        target_id=target.id,
        affected_id=target.person_id,
        **more,
    )
