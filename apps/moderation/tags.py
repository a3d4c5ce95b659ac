"""Decisions of moderators about hashtags: hide a tag from explore and search, or mark it as sensitive.

A tag has no owner who would receive a statement of reasons, so a decision is recorded as a staff act.
"""

from django.db import transaction

from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Tag
from apps.moderation.audit.records import record_staff_act, require_reason
from apps.moderation.services import require_moderator

_ACTS = {
    ("hidden", True): "hide_tag",
    ("hidden", False): "show_tag",
    ("sensitive", True): "mark_tag_sensitive",
    ("sensitive", False): "unmark_tag_sensitive",
}


@transaction.atomic
def restrict(name: str, *, by: User, reason: str, hidden: bool | None = None, sensitive: bool | None = None) -> Tag:
    """Hide a tag, mark it as sensitive, or undo either. None: as it is. Idempotent.

    Raises ModeratorRequired, Invalid without a reason and for a text that cannot be a tag.
    """
    require_moderator(by)
    require_reason(reason)
    tag, changed = content.restrict_tag(name, hidden=hidden, sensitive=sensitive)
    for change in changed.items():
        record_staff_act(_ACTS[change], tag, by=by.pk, reason=reason, tag=tag.name)
    return tag
