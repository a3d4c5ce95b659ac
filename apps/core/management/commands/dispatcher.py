"""`manage.py dispatcher`: the scheduler and the relay in one process."""

import signal
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandError

from apps.core.tasks.relay import Relay
from apps.core.tasks.scheduler import SchedulerThread
from apps.core.tasks.signals import relay_init, relay_shutdown

# Seconds that the scheduler has to end: a tick may wait for the database.
END_SECONDS = 5.0


class Command(BaseCommand):
    help = (
        "Enqueue the scheduled jobs that are due and announce the rows of the outbox to the broker, until SIGTERM. One "
        "is enough; several do no harm. Exit code 1 if one of the two parts ends by itself."
    )
    # Its settings contain only the apps that it needs (config/dispatcher_settings.py).
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        relay = Relay(current_app)
        scheduler = SchedulerThread(current_app, on_end=relay.stop)

        def stop(*_: object) -> None:
            scheduler.stop()
            relay.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        relay_init.send(sender=Relay)
        scheduler.start()
        relay.run()
        relay_shutdown.send(sender=Relay)
        if not scheduler.is_stopping:
            raise CommandError("The scheduler has ended; its error is in the log.")
        scheduler.join(END_SECONDS)
