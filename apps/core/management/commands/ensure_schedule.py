"""`manage.py ensure_schedule`: the scheduled jobs exist; those that an operator changed stay as they are."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.core.models import JobRun


class Command(BaseCommand):
    help = "Create the scheduled jobs that are missing and remove those that no longer exist. Safe to run at any time."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        created = 0
        for task, seconds in settings.SCHEDULE.items():
            interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
            # An overdue run is worth nothing once the next one is due.
            _, new = PeriodicTask.objects.get_or_create(
                task=task, defaults={"name": task, "interval": interval, "expire_seconds": max(seconds, 60)}
            )
            created += new
        gone, _ = PeriodicTask.objects.filter(task__startswith="apps.").exclude(task__in=settings.SCHEDULE).delete()
        JobRun.objects.exclude(name__in=settings.SCHEDULE).delete()
        JobRun.objects.bulk_create([JobRun(name=task) for task in settings.SCHEDULE], ignore_conflicts=True)
        self.stdout.write(f"Schedule: {len(settings.SCHEDULE)} jobs, {created} created, {gone} removed.")
