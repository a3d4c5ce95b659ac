"""`manage.py relay`: announces queued tasks to the broker, without the scheduler (see `dispatcher`)."""

import signal
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand

from apps.core.tasks.relay import Relay
from apps.core.tasks.signals import relay_init, relay_shutdown


class Command(BaseCommand):
    help = (
        "Announce the rows of the outbox to the broker, until SIGTERM; then finish what is under way and end. One is "
        "enough, and several do no harm."
    )
    # They would import every page.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        relay = Relay(current_app)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: relay.stop())
        relay_init.send(sender=Relay)
        relay.run()
        relay_shutdown.send(sender=Relay)
