"""The groups "moderator", "senior_moderator" and "admin", made by migrations: what each may look at in the console,
and who may change the rules that everybody is judged by. What a member may decide is said by the verbs in
`services.py`; who gets into the console at all, by `is_staff`."""

from typing import Any

from django.apps import apps as present
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q

from apps.accounts import session_cache
from apps.accounts.models import User
from apps.core.errors import Conflict, Forbidden


class NotInGoodStanding(Conflict):
    code, title = "not_in_good_standing", "Only an account in good standing can be given a role."


class SeniorModeratorRequired(Forbidden):
    code, title = "senior_moderator_required", "Only senior moderators and admins may do that."


RANKS = ("moderator", "senior_moderator", "admin")
_JUDGED = {
    "accounts": ["user"],
    "media": ["media"],
    "content": ["post"],
    "engagement": ["comment"],
    "moderation": ["flag", "moderationaction", "appeal", "reasontemplate", "suspensionproposal"],
    "safety": ["blockedimage", "blockedterm", "newaccountlimit"],
}
_LOOKED_AT = {
    "moderator": _JUDGED,
    "senior_moderator": _JUDGED | {"accounts": ["user", "session"]},
    "admin": {
        "core": ["deadletter", "jobrun", "queuedtask"],
        "accounts": ["user", "session", "erasure", "dataexport", "withheldhandle"],
        "media": ["media", "pendingdeletion"],
        "social": ["follow", "followrequest", "block", "mute"],
        "content": ["post", "tag"],
        "engagement": ["comment", "like", "save"],
        "moderation": ["flag", "moderationaction", "appeal", "reasontemplate", "suspensionproposal"],
        "notifications": ["notification", "delivery"],
        "safety": ["blockedimage", "blockedterm", "newaccountlimit"],
    },
}


def may_change_rules(user: User) -> bool:
    """Whether they may edit what everybody is judged by (reason templates, blocked images and words, limits of new
    accounts), and see sessions and e-mail."""
    return user.is_active and bool(user.ranks & {"senior_moderator", "admin"})


def require_may_change_rules(by: User) -> None:
    """Raises SeniorModeratorRequired."""
    if not may_change_rules(by):
        raise SeniorModeratorRequired


@transaction.atomic
def appoint(user: User, rank: str) -> bool:
    """Let somebody moderate, decide on the rules as well ("senior_moderator"), or administer ("admin"), in the API and
    in the console. True if they could not before. Raises NotInGoodStanding."""
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not user.is_active:
        raise NotInGoodStanding(f"{user} is {user.state}.")
    known = user.is_staff and rank in user.ranks
    user.groups.add(Group.objects.get(name=rank))
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    # A session's record says what its owner may do.
    session_cache.mark_user(user.pk)
    return not known


def ensure(*, apps: Any = present, **_: object) -> None:
    """After every `migrate`, when the permissions of the apps below are there, and after every `flush`, which empties
    the groups' table, too. Takes nothing away."""
    try:
        groups = apps.get_model("auth", "Group").objects
        permissions = apps.get_model("auth", "Permission").objects
    except LookupError:  # migrated to a state without them
        return
    for name, models in _LOOKED_AT.items():
        wanted = Q()
        for label, names in models.items():
            wanted |= Q(content_type__app_label=label, codename__in=[f"view_{model}" for model in names])
        groups.get_or_create(name=name)[0].permissions.add(*permissions.filter(wanted))
