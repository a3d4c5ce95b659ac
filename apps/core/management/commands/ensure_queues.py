"""`manage.py ensure_queues`: the broker has our queues, with the time-outs of `config/queues.py`."""

from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Create the queues at the broker. On SQS also set for how long each hides what it has delivered, which needs "
        "leave to call CreateQueue and SetQueueAttributes; on other brokers workers make the queues themselves. Safe "
        "to run at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with current_app.connection_for_write() as broker:
            channel = broker.default_channel
            for name, kind in settings.QUEUES.items():
                current_app.amqp.queues[name](channel).declare()
                if broker.transport.driver_type == "sqs":
                    self._hide(channel, name, kind.invisible)
        self.stdout.write(f"Queues: {', '.join(settings.QUEUES)}.")

    @staticmethod
    def _hide(channel: Any, name: str, seconds: int) -> None:
        queue = channel.canonical_queue_name(name)
        client = channel.sqs(queue=queue)
        url = client.get_queue_url(QueueName=queue)["QueueUrl"]
        client.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
