"""The relay: announces rows of the outbox to the broker, promptly and as often as it takes.

django-celery-outbox's relay does the work: batches, a breaker while the broker is away, draining on SIGTERM, two side
by side. Ours differs in that a row that was announced stays until its task is done (`outbox.py`).
"""

from celery import Celery
from django.utils import timezone
from django_celery_outbox.models import CeleryOutbox
from django_celery_outbox.relay import Relay as LibraryRelay
from django_celery_outbox.relay import RelayConfig
from django_celery_outbox.relay._message_selector import MessageSelector
from django_celery_outbox.relay._mutations import RelayMutations

from apps.core.ops.observability import OUTBOX_LAG
from apps.core.tasks import heartbeats, outbox

KILLED = "Every try was begun and none ended: its process was killed, or ran out of time."


class Selector(MessageSelector):
    """Takes what is to be announced now, and marks it as announced: a relay that dies at it loses nothing but time."""

    def run(self) -> list[CeleryOutbox]:
        rows = outbox.forget_late(outbox.claim_due(self._batch_size))
        outbox.mark_announced(rows)
        for row in rows:
            if row.updated_at is None:
                OUTBOX_LAG.observe((timezone.now() - row.created_at).total_seconds())
        return rows


class Mutations(RelayMutations):
    """What becomes of a row once it is announced, or cannot be."""

    def delete_published(self, message_ids: list[int]) -> None:
        """The worker removes it when it is done."""

    def move_exceeded_to_dead_letter(self, exceeded_messages: list[CeleryOutbox]) -> None:
        for row in exceeded_messages:
            outbox.bury(row.task_id, KILLED)


class Relay(LibraryRelay):
    def __init__(self, app: Celery, config: RelayConfig) -> None:
        super().__init__(app, config, selector=Selector(config.batch_size))
        self._mutations = Mutations(backoff_time=config.backoff_time, max_backoff=config.max_backoff)
        self._heart = heartbeats.Heart("relay")

    def _setup_delayed_delivery(self) -> None:
        """Nothing is delayed in the broker: what waits, waits in its row. The library would ask RabbitMQ for 28 queues
        and block here while a broker is frozen."""

    def _touch_liveness(self) -> None:
        self._heart.beat()
