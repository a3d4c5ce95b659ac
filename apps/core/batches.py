"""Large deletions in short transactions."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

BATCH = 500


def delete_in_batches(rows: QuerySet[Any], *, size: int = BATCH) -> int:
    """Delete `rows` a batch at a time, each in a transaction of its own; returns how many there were."""
    gone = 0
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:size]):
        with transaction.atomic():
            rows.model._base_manager.filter(pk__in=pks).delete()
        gone += len(pks)
    return gone
