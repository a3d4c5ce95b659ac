"""`manage.py dead_letters`: look at what was given up, try it again, or drop it."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import LISTED, OperatorCommand, Result
from apps.core.tasks import dead_letters
from apps.core.tasks.housekeeping import DEAD_LETTERS_KEPT


class Command(OperatorCommand):
    help = (
        "Tasks that used up their attempts are dead letters, with the reason, until an operator decides: "
        "`list` shows them, `retry` puts them back into the outbox with all their tries before them, `drop` deletes "
        f"them. Others are dropped after {DEAD_LETTERS_KEPT.days} days."
    )
    examples = """
  manage.py dead_letters list                        the newest 100
  manage.py dead_letters list --task send_reset      of one task
  manage.py dead_letters retry 17 18                 these two
  manage.py dead_letters retry --task process_upload all of one task
  manage.py dead_letters drop --all --dry-run        what would go?
"""
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "retry", "drop"])
        parser.add_argument("ids", nargs="*", type=int, metavar="ID", help="only these")
        parser.add_argument("--task", default="", help="only of this task: its whole name, or the last part of it")
        parser.add_argument("--all", action="store_true", help="every one; without it, retry and drop ask for a choice")

    def work(self, *, action: str, ids: list[int], task: str, dry_run: bool, **options: Any) -> Result:
        chosen = bool(ids or task or options["all"])
        if action != "list" and not chosen:
            raise CommandError("Name ids, or --task, or --all.")
        found = dead_letters.found(ids, task=task)
        result = {"action": action, "number": found.count(), "letters": [_card(letter) for letter in found[:LISTED]]}
        if not dry_run and action == "retry":
            result["number"] = dead_letters.retry(found)
        elif not dry_run and action == "drop":
            result["number"] = dead_letters.drop(found)
        return result

    def format_result(self, result: Result) -> Iterable[str]:
        for letter in result["letters"]:
            yield f"{letter['id']:>6}  {letter['dead_at']:%Y-%m-%d %H:%M}  {letter['task']}  {letter['kwargs']}"
            yield f"        {letter['reason']}"
        if result["number"] > len(result["letters"]):
            yield f"... and {result['number'] - len(result['letters'])} more."
        done = {"list": "dead letters", "retry": "to be tried again", "drop": "dropped"}[result["action"]]
        yield f"{result['number']} {done}."


def _card(letter: Any) -> dict[str, Any]:
    return {
        "id": letter.pk,
        "task": letter.task_name,
        "kwargs": letter.shown_kwargs,
        "reason": letter.failure_reason,
        "tries": letter.attempts,
        "created_at": letter.created_at,
        "dead_at": letter.dead_at,
    }
