"""Graded measures between no action and a takedown: mark a post as sensitive, limit the reach of a post or an account,
warn an account.

Each is an action of the audit with a reason and a statement of reasons, and can be undone and appealed like a takedown.
"""

from typing import Unpack

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Post
from apps.core.errors import NotFound
from apps.moderation import services
from apps.moderation.cases import decisions
from apps.moderation.cases.decisions import Target, lock_target, record_on
from apps.moderation.models import MEASURES, ModerationAction
from apps.moderation.services import Grounds, take_measure

Action = ModerationAction.Action


def mark_sensitive(post: Post, **grounds: Unpack[Grounds]) -> ModerationAction:
    """Cover the photos of a post until the reader asks to see them. The author cannot change it until it is undone.

    Idempotent: returns the first action. Raises ModeratorRequired, CannotModerate, NotFound if the post is deleted.
    """
    return take_measure(Action.MARK_SENSITIVE, Target.of(post), lambda: content.mark_sensitive(post), **grounds)


def limit_post(post: Post, **grounds: Unpack[Grounds]) -> ModerationAction:
    """Leave a post out of explore, search and lists of tags (`PostQuerySet.in_reach`). As `mark_sensitive`."""
    return take_measure(Action.LIMIT_REACH, Target.of(post), lambda: content.set_reach(post, limited=True), **grounds)


def limit_account(person: User, **grounds: Unpack[Grounds]) -> ModerationAction:
    """Leave an account and its posts out of explore, search, suggestions and lists of tags. As `mark_sensitive`."""
    return take_measure(
        Action.LIMIT_REACH, Target.of(person), lambda: accounts.set_reach(person, limited=True), **grounds
    )


@transaction.atomic
def warn(person: User, **grounds: Unpack[Grounds]) -> ModerationAction:
    """Send the account a message with the reason. It has no other effect and counts in the account's history.

    Each call is a new warning. Raises ModeratorRequired, CannotModerate, NotFound for an account that is being erased.
    """
    services.require_authority(grounds["by"], person.pk)
    lock_target(person.pk)
    if not User.objects.not_erased().filter(pk=person.pk).exists():
        raise NotFound
    return record_on(Action.WARN, Target.of(person), **grounds)


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
    return record_on(
        MEASURES[Action(action.action)], target, by=by, reason=reason, category=action.category, reverses=action
    )


def _target(action: ModerationAction) -> Target:
    row = decisions.find_row(action.target_type, action.target_id)
    if row is None:
        raise NotFound(_("The target is deleted."))
    return Target.of(row)
