"""What the groups "moderator" and "admin", made by a migration, may look at in the console. What a member may do is
decided by the verbs in `services.py`; who gets into the console at all, by `is_staff`."""

from typing import Any

from django.apps import apps as present
from django.db.models import Q

_LOOKED_AT = {
    "moderator": {
        "accounts": ["user"],
        "media": ["media"],
        "content": ["post"],
        "engagement": ["comment"],
        "moderation": ["flag", "moderationaction", "appeal"],
    },
    "admin": {
        "django_celery_outbox": ["celeryoutbox", "celeryoutboxdeadletter"],
        "accounts": ["user", "session"],
        "media": ["media", "doomedobject"],
        "social": ["follow", "block"],
        "content": ["post"],
        "engagement": ["comment", "like", "save"],
        "moderation": ["flag", "moderationaction", "appeal"],
    },
}


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
