"""Changes what the operator sets. The moderation app checks permissions and records the changes."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.core.errors import Invalid
from apps.site import reads
from apps.site.models import SiteSettings


@transaction.atomic
def change_settings(**values: Any) -> dict[str, list[Any]]:
    """Set fields of SiteSettings. Returns the changes as {field: [before, after]}. Raises Invalid."""
    SiteSettings.objects.get_or_create(pk=1)
    row = SiteSettings.objects.select_for_update().get(pk=1)
    changed = {name: [getattr(row, name), value] for name, value in values.items() if getattr(row, name) != value}
    for name, (_, value) in changed.items():
        setattr(row, name, value)
    try:
        row.full_clean()
    except ValidationError as error:
        raise Invalid(
            **{name: (errors[0].code or "invalid", errors[0].messages[0]) for name, errors in error.error_dict.items()}
        ) from error
    if changed:
        row.save()
        # Now for this transaction, and afterwards because another thread may have read the former state meanwhile.
        reads.in_force.clear()
        transaction.on_commit(reads.in_force.clear)
    return changed
