"""Print the transparency report of a year or a month that the Digital Services Act requires."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import OperatorCommand, Result
from apps.moderation.transparency.report import FORMATS, as_json, build_report, period_of, render


class Command(OperatorCommand):
    help = (
        "The figures of moderation of a year or a month, as articles 15 and 24 of the Digital Services Act require: "
        " notices, actions, complaints, automated means, suspensions. docs/transparency.md explains each."
    )
    examples = """
  manage.py transparency_report --year 2026 --format html > report.html   a page to publish
  manage.py transparency_report --year 2026 --month 10 --format csv       a table of one month
"""
    changes = False
    in_batches = False

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--year", type=int, required=True, help="in UTC")
        parser.add_argument("--month", type=int, help="1 to 12; without it, the whole year")
        parser.add_argument("--format", choices=FORMATS, default="json", help="the output format (default: json)")

    def work(self, *, year: int, month: int | None, format: str, **options: Any) -> Result:
        try:
            period = period_of(year, month)
        except (ValueError, OverflowError) as error:
            raise CommandError(f"There is no such year or month: {error}.") from error
        report = build_report(period)
        self._rendered = render(report, format)
        return as_json(report)

    def format_result(self, result: Result) -> Iterable[str]:
        yield self._rendered.rstrip("\n")
