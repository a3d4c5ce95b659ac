"""`manage.py cleanup_tokens`: deletes expired rows now instead of with the next scheduled job."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet

from apps.accounts import housekeeping
from apps.core.db.batches import delete_in_batches
from apps.core.management.base import OperatorCommand, Result
from apps.core.tasks import housekeeping as kernel

EXPIRED: dict[str, Callable[[], QuerySet[Any]]] = {
    "sessions": housekeeping.ended_sessions,
    "console_sessions": housekeeping.expired_console_sessions,
    "emailed_tokens": housekeeping.expired_emailed_tokens,
    "idempotency_keys": kernel.expired_idempotency_keys,
    "rate_buckets": kernel.expired_rate_buckets,
}


class Command(OperatorCommand):
    help = (
        "Delete sessions that ended a month ago, and expired console sessions, mailed links, idempotency keys and rate "
        "limit counts. No user is signed out. Scheduled jobs do the same at least daily. You can stop this command and "
        "run it again."
    )
    examples = """
  manage.py cleanup_tokens --dry-run  count them
  manage.py cleanup_tokens            delete them
"""

    def work(self, *, dry_run: bool, **options: Any) -> Result:
        counts = {name: rows().count() for name, rows in EXPIRED.items()}
        if dry_run:
            return {"expired": counts}
        with self.progress("Expired rows", sum(counts.values())):
            return {"expired": {name: delete_in_batches(rows(), self.runner) for name, rows in EXPIRED.items()}}

    def format_result(self, result: Result) -> Iterable[str]:
        for name, number in result["expired"].items():
            yield f"{name.replace('_', ' '):<17} {number}"
