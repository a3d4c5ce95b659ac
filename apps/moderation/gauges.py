"""Metrics of open reports and appeals."""

from typing import Any

from django.utils import timezone

from apps.core.ops import metrics
from apps.core.ops.metrics import MOST_COUNTED, Values
from apps.moderation.models import Appeal, Flag


def register() -> None:
    metrics.gauge("photogram_moderation_open", "Open reports (flag) and appeals.", ["kind"], count_open)
    metrics.gauge(
        "photogram_moderation_oldest_seconds",
        "Age in seconds of the oldest open report and appeal.",
        ["kind"],
        get_oldest_age,
    )


def _open() -> dict[tuple[str, ...], Any]:
    """By the index on (status, id); ids are in order of time."""
    return {("flag",): Flag.objects.open().order_by("id"), ("appeal",): Appeal.objects.open().order_by("id")}


def count_open() -> Values:
    return {kind: rows[:MOST_COUNTED].count() for kind, rows in _open().items()}


def get_oldest_age() -> Values:
    now = timezone.now()
    oldest = {kind: rows.values_list("created_at", flat=True).first() for kind, rows in _open().items()}
    return {kind: (now - since).total_seconds() if since else 0.0 for kind, since in oldest.items()}
