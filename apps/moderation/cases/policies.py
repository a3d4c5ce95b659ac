"""Changes of reason templates, by users who may change rules. Each change is recorded."""

from django.db import transaction

from apps.accounts.models import User
from apps.moderation.audit.records import record_staff_act
from apps.moderation.models import ReasonTemplate
from apps.moderation.roles import require_may_change_rules

_FIELDS = ("title", "text", "action", "category")


@transaction.atomic
def save_template(template: ReasonTemplate, *, by: User) -> None:
    """Save a new or changed template. Raises SeniorModeratorRequired."""
    require_may_change_rules(by)
    before = ReasonTemplate.objects.select_for_update().filter(pk=template.pk).values(*_FIELDS).first()
    after = {name: getattr(template, name) for name in _FIELDS}
    if before == after:
        return
    template.save()
    act = "change_reason_template" if before else "add_reason_template"
    record_staff_act(act, template, by=by.pk, before=before, after=after)


@transaction.atomic
def delete_template(template: ReasonTemplate, *, by: User) -> None:
    """Raises SeniorModeratorRequired."""
    require_may_change_rules(by)
    before = {name: getattr(template, name) for name in _FIELDS}
    record_staff_act("drop_reason_template", template, by=by.pk, before=before)
    template.delete()
