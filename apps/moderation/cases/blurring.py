"""Which photos the pages of moderators blur until the moderator asks for them."""

from typing import Any

from django.db.models import Exists, OuterRef

from apps.moderation.models import UNPLEASANT, Flag, ModerationAction


def is_unpleasant(target_type: str, pk: str = "pk") -> Any:
    """A condition: a report about the target, open or closed, or a decision about it has an unpleasant category.

    `pk` is the column with the id of the target.
    """
    about = {"target_type": target_type, "target_id": OuterRef(pk), "category__in": UNPLEASANT}
    return Exists(Flag.objects.filter(**about)) | Exists(ModerationAction.objects.filter(**about))
