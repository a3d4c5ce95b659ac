"""What each kind of broker must be told; which one it is, the URL's scheme says.

The numbers matter little: a task that a broker has lost, or hides for too long, is announced again from its row.
"""

from typing import Any

from config.queues import QUEUES

# A broker that hides what it has delivered delivers it again after so long; no ordinary task takes longer.
INVISIBLE = max(kind.invisible for kind in QUEUES.values())


def broker_options(url: str, *, prefix: str, region: str, tls: bool) -> dict[str, Any]:
    """Celery's `broker_transport_options`. `prefix` keeps installations apart that share a broker; on RabbitMQ a
    virtual host in the URL does that. `region` and `tls` are for SQS."""
    scheme = url.split(":", 1)[0]
    if scheme == "sqs":
        return {
            "queue_name_prefix": prefix,
            "region": region,
            "is_secure": tls,
            "visibility_timeout": INVISIBLE,
            # Long polls: an idle queue costs three requests a minute, and a task is taken as soon as it is there.
            "wait_time_seconds": 20,
            "polling_interval": 0,
        }
    if scheme.startswith("amqp"):
        # Without confirmation a message may be lost between us and the broker's disk.
        return {"confirm_publish": True}
    keys = {"global_keyprefix": prefix} if prefix else {}
    return {"visibility_timeout": INVISIBLE, "socket_timeout": 10, "socket_connect_timeout": 5} | keys


def takes_remote_control(url: str) -> bool:
    """Whether `celery inspect` works: SQS has no broadcast, and would make a queue for each worker instead."""
    return not url.startswith("sqs:")
