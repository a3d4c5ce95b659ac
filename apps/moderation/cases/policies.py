"""Reason templates: texts that moderators start from. Who may change rules keeps them, and each change is noted."""

from django.db import transaction

from apps.accounts.models import User
from apps.moderation.audit import records as trail
from apps.moderation.models import ReasonTemplate
from apps.moderation.roles import require_may_change_rules

_TOLD = ("title", "text", "action", "category")


@transaction.atomic
def keep(template: ReasonTemplate, *, by: User) -> None:
    """Store the template as it is given, new or changed; unchanged it is no act. Raises SeniorModeratorRequired."""
    require_may_change_rules(by)
    before = ReasonTemplate.objects.select_for_update().filter(pk=template.pk).values(*_TOLD).first()
    after = {name: getattr(template, name) for name in _TOLD}
    if before == after:
        return
    template.save()
    act = "change_reason_template" if before else "add_reason_template"
    trail.note(act, template, by=by.pk, before=before, after=after)


@transaction.atomic
def drop(template: ReasonTemplate, *, by: User) -> None:
    """Raises SeniorModeratorRequired."""
    require_may_change_rules(by)
    trail.note("drop_reason_template", template, by=by.pk, before={name: getattr(template, name) for name in _TOLD})
    template.delete()
