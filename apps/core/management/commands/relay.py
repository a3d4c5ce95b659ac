"""`manage.py relay`: announces what is to be done to the broker."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django_celery_outbox.relay import RelayConfig

from apps.core.tasks.relay import Relay
from config import metrics, telemetry
from config.celery import app


class Command(BaseCommand):
    help = (
        "Announce the rows of the outbox to the broker, until SIGTERM; then finish what is under way and end. One is "
        "enough, and several do no harm."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        config = RelayConfig.init(
            idle_time=0.2,
            backoff_time=2,
            max_retries=settings.TASK_TRIES,
            max_backoff=60.0,
            send_timeout=5.0,
            shutdown_timeout=20.0,
            broker_outage_cooldown=2.0,
            queue_snapshot_refresh_seconds=60.0,
        )
        metrics.serve_metrics()
        telemetry.start("relay")
        Relay(app, config).start()
        telemetry.stop()
