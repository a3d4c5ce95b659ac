"""The effect of a block on querysets. The rule itself is the view `social_hidden`, the model `Hidden`."""

from typing import Any, Self
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from apps.social.models import Hidden


def is_hidden(column: str, viewer_id: UUID) -> Exists:
    """SQL condition: does a block hide the account in `column` from the viewer?"""
    return Exists(Hidden.objects.filter(viewer=viewer_id, person=OuterRef(column)))


class HidesBlocked(QuerySet[Any]):
    """A queryset mixin for rows that belong to an account. `person` names the column."""

    person = "author_id"

    def without_hidden(self, viewer_id: UUID | None, *, person: str = "") -> Self:
        """Exclude the rows of accounts that a block hides from the viewer."""
        if viewer_id is None:
            return self
        return self.exclude(is_hidden(person or self.person, viewer_id))
