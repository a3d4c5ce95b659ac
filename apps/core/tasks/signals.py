"""Signals of the relay, as Celery has them for its worker and scheduler (`celery.signals`)."""

from django.dispatch import Signal

relay_init = Signal()
relay_shutdown = Signal()
