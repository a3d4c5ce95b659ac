"""Repair of `NewestPost`.

A row must never be too old: `timeline.py` relies on that, and a trigger updates it with every post. A row is too new
after the newest post of an author was withdrawn. That costs readers a little time, and is corrected here.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery

from apps.content.models import Post
from apps.content.querysets import PUBLISHED
from apps.core.db.batches import BatchRunner
from apps.feed.models import NewestPost


def repair(runner: BatchRunner | None = None) -> int:
    """Compare the row of every author with their posts, in batches. Returns how many were too new."""
    runner = runner or BatchRunner()
    after = UUID(runner.checkpoint["after"]) if runner.checkpoint else UUID(int=0)
    corrected = 0
    while runner.has_time():
        with transaction.atomic():
            rows = NewestPost.objects.select_for_update().filter(pk__gt=after).order_by("pk")
            authors = list(rows.values_list("pk", flat=True)[: runner.batch_size])
            if not authors:
                break
            corrected += _correct(authors)
        after = authors[-1]
        runner.advance(len(authors), {"after": str(after)})
    return corrected


def _correct(authors: list[UUID]) -> int:
    """The rows are locked. So posts that were committed while the lock was waited for are read here."""
    rows = NewestPost.objects.filter(pk__in=authors)
    published = Post.objects.filter(PUBLISHED, author=OuterRef("pk"))
    deleted, _ = rows.filter(~Exists(published)).delete()
    newest = Subquery(published.order_by("-id").values("pk")[:1])
    return deleted + rows.exclude(post=newest).update(post=newest)
