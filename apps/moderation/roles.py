"""The groups "moderator", "senior_moderator" and "admin": what their members may view and change in the console.

`services.py` checks what a member may decide; `is_staff` gives access to the console.
"""

from collections.abc import Collection
from typing import Any

from django.apps import apps as present
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts import session_cache
from apps.accounts.models import Session, User
from apps.core.errors import Conflict, Forbidden


class NotInGoodStanding(Conflict):
    code, title = "not_in_good_standing", _("Only an active account can be given a role.")


class SeniorModeratorRequired(Forbidden):
    code, title = "senior_moderator_required", _("Only senior moderators and admins may do that.")


class CannotModerate(Forbidden):
    code, title = "cannot_moderate", _("You cannot decide about yourself, or about staff of your rank or a higher one.")


# From the lowest to the highest.
RANKS = ("moderator", "senior_moderator", "admin")
_MODERATED = {
    "accounts": ["user", "emaildomain"],
    "media": ["media"],
    "content": ["post"],
    "engagement": ["comment"],
    "moderation": ["flag", "moderationaction", "appeal", "reasontemplate", "suspensionproposal", "teamnote"],
    "safety": ["blockedimage", "blockedterm", "newaccountlimit"],
}
_VIEWABLE = {
    "moderator": _MODERATED,
    "senior_moderator": _MODERATED | {"accounts": ["user", "emaildomain", "session"]},
    "admin": {
        "core": ["deadletter", "jobrun", "queuedtask"],
        "accounts": ["user", "emaildomain", "session", "erasure", "dataexport", "withheldhandle", "invitation"],
        "media": ["media", "pendingdeletion"],
        "social": ["follow", "followrequest", "block", "mute"],
        "content": ["post", "tag"],
        "engagement": ["comment", "like", "save"],
        "moderation": ["flag", "moderationaction", "appeal", "reasontemplate", "suspensionproposal", "teamnote"],
        "notifications": ["notification", "delivery"],
        "safety": ["blockedimage", "blockedterm", "newaccountlimit"],
        "site": ["announcement", "documentversion", "rule", "sitesettings"],
    },
}


def may_change_rules(user: User) -> bool:
    """Whether the user may change rules (reason templates, blocked images and terms, new account limits), and read
    sessions and e-mail addresses."""
    return user.is_active and bool(user.ranks & {"senior_moderator", "admin"})


def require_may_change_rules(by: User) -> None:
    """Raises SeniorModeratorRequired."""
    if not may_change_rules(by):
        raise SeniorModeratorRequired


def outranks(by: User, person: User) -> bool:
    """Whether `by` has a higher rank than the person. Staff are acted on by a higher rank only."""
    return _level(by) > _level(person)


def require_higher_rank(by: User, person: User) -> None:
    """Raises CannotModerate."""
    if not outranks(by, person):
        raise CannotModerate


def is_lower_without(user: User, ranks: set[str]) -> bool:
    """Whether the highest rank of the user is one of these. A superuser is an admin without a group."""
    kept = user.ranks - ranks | ({"admin"} if user.is_superuser else set())
    return _highest(kept) < _level(user)


def _level(user: User) -> int:
    return _highest(user.ranks)


def _highest(ranks: Collection[str]) -> int:
    return max((RANKS.index(rank) for rank in ranks), default=-1)


@transaction.atomic
def appoint(user: User, rank: str) -> bool:
    """Give the user a role in the API and the console: "moderator", "senior_moderator" or "admin".

    Returns whether the role is new. Raises NotInGoodStanding if the account is not active.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not user.is_active:
        raise NotInGoodStanding(_("{user} is {state}.").format(user=user, state=user.state))
    known = user.is_staff and rank in user.ranks
    user.groups.add(Group.objects.get(name=rank))
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    # Cached sessions contain the role of their user.
    session_cache.mark_user(user.pk)
    return not known


@transaction.atomic
def dismiss(user: User) -> bool:
    """Take all roles from the user, and end their console sessions. Returns whether the user was staff."""
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    known = user.is_staff or user.is_superuser or bool(user.ranks)
    user.groups.remove(*Group.objects.filter(name__in=RANKS))
    user.is_staff = user.is_superuser = False
    user.save(update_fields=["is_staff", "is_superuser"])
    accounts.end_console_sessions(user.pk, reason=Session.EndReason.DISMISSED)
    return known


def ensure(*, apps: Any = present, **_: object) -> None:
    """Create the groups and add their permissions. Removes none.

    Runs after every `migrate`, when the permissions of the lower apps exist, and after every `flush`.
    """
    try:
        groups = apps.get_model("auth", "Group").objects
        permissions = apps.get_model("auth", "Permission").objects
    except LookupError:  # migrated to a state without them
        return
    for name, models in _VIEWABLE.items():
        wanted = Q()
        for label, names in models.items():
            wanted |= Q(content_type__app_label=label, codename__in=[f"view_{model}" for model in names])
        groups.get_or_create(name=name)[0].permissions.add(*permissions.filter(wanted))
