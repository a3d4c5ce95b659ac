"""`manage.py reprocess_media`: make the variants of photos again from the originals."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.db.ids import parse_id
from apps.core.management.base import OperatorCommand, Result
from apps.core.management.people import person
from apps.media import inventory, services, storage
from apps.media.models import Media
from apps.media.querysets import MediaQuerySet

BATCH = 20
AT_ONCE = 50
# Seconds between two counts of the waiting media.
POLL_INTERVAL = 0.5


class Command(OperatorCommand):
    help = (
        "Send media to the pipeline again: failed ones (for instance after a bug was fixed), or ready ones, whose "
        "present variants stay until the new ones are there. Only a limited number waits at a time, so that new "
        "uploads are not delayed. A worker must be running. A post that has failed stays failed."
    )
    examples = """
  manage.py reprocess_media --dry-run                      count the failed media
  manage.py reprocess_media                                try all of them again
  manage.py reprocess_media --status ready --user @alice   make alice's photos again
  manage.py reprocess_media --without-objects              media whose variants are missing in storage
  manage.py reprocess_media --malformed                    media that are not shown because of malformed variants
  manage.py reprocess_media --status ready --after ID      continue a stopped run
"""

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--status", choices=["failed", "ready"], help="which ones (failed, unless --id is given)")
        parser.add_argument("--user", default="", metavar="WHO", help="only media of one user: @handle, e-mail or id")
        parser.add_argument("--id", action="append", default=[], metavar="ID", help="only this one; may be repeated")
        parser.add_argument(
            "--without-objects", action="store_true", help="media whose variants are missing in storage"
        )
        parser.add_argument("--malformed", action="store_true", help="ready media whose variants are malformed")
        parser.add_argument(
            "--after", default="", metavar="ID", help="continue after this id, printed by a stopped run"
        )
        parser.add_argument("--at-once", type=int, metavar="N", help=f"how many may wait at a time ({AT_ONCE})")

    def work(self, *, without_objects: bool, dry_run: bool, **options: Any) -> Result:
        if without_objects:
            _refuse_to_choose(**options)
            return self._reprocess_without_objects(dry_run=dry_run)
        media = _chosen(**options)
        total = media.count()
        if dry_run:
            return {"chosen": total, "handed_over": 0, "go_on_after": None}
        with self.progress("Media", total):
            handed_over, last = self._hand_over(media, max(options["at_once"] or AT_ONCE, 1))
        return {"chosen": total, "handed_over": handed_over, "go_on_after": last if self.runner.stopped else None}

    def _hand_over(self, media: MediaQuerySet, at_once: int) -> tuple[int, str | None]:
        """Returns how many media were sent to the pipeline, and the id of the last one. Media without an original are
        skipped."""
        handed_over, last = 0, None
        while (room := self._room(at_once)) and (batch := list(media[: min(BATCH, room)])):
            handed_over += sum(services.reprocess(medium) for medium in batch)
            last = str(batch[-1].pk)
            media = media.filter(pk__gt=last)
            self.runner.advance(len(batch))
        return handed_over, last

    def _room(self, at_once: int) -> int:
        """How many more media may wait. Blocks until at least one may; returns 0 if the command is to stop."""
        waiting = Media.objects.filter(
            next_attempt_at__isnull=False, status__in=[Media.Status.UPLOADED, Media.Status.PROCESSING]
        )
        while self.runner.has_time():
            if (room := at_once - waiting.count()) > 0:
                return room
            self.runner.wait(POLL_INTERVAL)
        return 0

    def _reprocess_without_objects(self, *, dry_run: bool) -> Result:
        lost = handed_over = 0
        try:
            for shard in self.part_by_part("Parts of storage", inventory.SHARDS):
                for handed in inventory.make_again(shard, dry_run=dry_run):
                    lost += 1
                    handed_over += handed
        except storage.StorageError as error:
            raise CommandError(f"Storage did not answer: {error}") from error
        return {"chosen": lost, "handed_over": handed_over, "go_on_after": None}

    def format_result(self, result: Result) -> Iterable[str]:
        yield f"{result['chosen']} media found, {result['handed_over']} sent to the pipeline."
        if result["go_on_after"]:
            yield f"To continue, add: --after {result['go_on_after']}"


def _refuse_to_choose(**options: Any) -> None:
    """Raises CommandError for options that choose media, which --without-objects does not support."""
    given = [name for name in ("status", "user", "id", "after", "at_once", "malformed") if options[name]]
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise CommandError(f"--without-objects cannot be combined with {names}.")


def _chosen(*, status: str | None, user: str, id: list[str], after: str, malformed: bool, **_: Any) -> MediaQuerySet:
    """Raises CommandError."""
    media: MediaQuerySet = Media.objects.order_by("pk")
    for pk in [*id, after]:
        if pk and parse_id(pk) is None:
            raise CommandError(f"{pk} is not an id.")
    wanted = [status] if status else [Media.Status.FAILED, Media.Status.READY] if id else [Media.Status.FAILED]
    media = media.filter(pk__in=list(inventory.malformed(media))) if malformed else media.filter(status__in=wanted)
    if user:
        media = media.owned_by(person(user).pk)
    if id:
        media = media.filter(pk__in=id)
    return media.filter(pk__gt=after) if after else media
