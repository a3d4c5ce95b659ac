"""`manage.py transparency_report`: what the Digital Services Act asks a platform to publish, of a year or a month."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.moderation.transparency import report as transparency


class Command(OperatorCommand):
    help = (
        "The figures of moderation of a year or a month, in the shape of articles 15 and 24 of the Digital Services "
        "Act: notices, actions, complaints, automated means, suspensions. docs/transparency.md explains each."
    )
    examples = """
  manage.py transparency_report --year 2026 --format html > report.html   a page to publish
  manage.py transparency_report --year 2026 --month 10 --format csv       a table of one month
"""
    changes = False
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--year", type=int, required=True, help="by UTC")
        parser.add_argument("--month", type=int, help="1 to 12; without it, the whole year")
        parser.add_argument(
            "--format", choices=transparency.FORMATS, default="json", help="as which it is printed (default: json)"
        )

    def work(self, *, year: int, month: int | None, format: str, **options: Any) -> Result:
        try:
            period = transparency.period_of(year, month)
        except (ValueError, OverflowError) as error:
            raise CommandError(f"There is no such year or month: {error}.") from error
        report = transparency.report(period)
        self._rendered = transparency.rendered(report, format)
        return transparency.as_json(report)

    def format_result(self, result: Result) -> Iterable[str]:
        yield self._rendered.rstrip("\n")
