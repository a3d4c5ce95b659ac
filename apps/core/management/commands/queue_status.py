"""`manage.py queue_status`: the tasks of each queue, and the heartbeats of the processes."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from apps.core.management.base import OperatorCommand, Result
from apps.core.tasks import backlog


class Command(OperatorCommand):
    help = (
        "Show for each queue how many tasks are not done, how old the oldest of them is, how many have failed and will "
        "be tried again, how many were given up, and how many messages wait in the broker; and when the scheduler, the "
        "relay, each worker and each queue last sent a heartbeat. Changes nothing."
    )
    examples = """
  manage.py queue_status          a table
  manage.py queue_status --json   for programs
"""
    changes = False
    in_batches = False

    def work(self, **options: Any) -> Result:
        queues, given_up = backlog.by_queue(), backlog.dead_letters()
        waiting = backlog.in_broker(queues)
        return {
            "queues": {
                name: {**asdict(each), "dead_letters": given_up[name], "in_broker": waiting[name] if waiting else None}
                for name, each in queues.items()
            },
            "broker": "up" if waiting else "does not answer",
            "silence": {name: round(silence.total_seconds(), 1) for name, silence in backlog.pulses().items()},
        }

    def format_result(self, result: Result) -> Iterable[str]:
        yield f"{'queue':<16}{'not done':>10}{'oldest':>10}{'failing':>10}{'given up':>10}{'in broker':>11}"
        for name, each in result["queues"].items():
            broker = "?" if each["in_broker"] is None else each["in_broker"]
            yield (
                f"{name:<16}{each['depth']:>10}{each['oldest']:>8.0f} s{each['failing']:>10}"
                f"{each['dead_letters']:>10}{broker:>11}"
            )
        yield f"The broker {'answers' if result['broker'] == 'up' else result['broker']}."
        yield ""
        yield "last heartbeat"
        for name, seconds in result["silence"].items():
            yield f"  {name:<40}{seconds:>8.0f} s ago"
