"""The outbox: what is to follow from a deed is a row in the deed's transaction."""

from celery import current_app


def queue_of(task_name: str) -> str:
    """The queue that tasks of this name are sent to."""
    routed = current_app.amqp.router.route({}, task_name)
    return str(routed["queue"].name)
