"""What the database knows of the jobs of the schedule, as figures: {(job,): number}."""

from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Coalesce
from django_celery_beat.models import PeriodicTask

from apps.core.models import JobRun

Figures = dict[tuple[str, ...], float]


def job_last_success() -> Figures:
    """When each job last came through, in seconds since 1970; of one that never did, when it was scheduled first."""
    moments = JobRun.objects.values_list("name", Coalesce(F("succeeded_at"), F("created_at")))
    return {(name,): moment.timestamp() for name, moment in moments}


def job_period() -> Figures:
    """How often each job is to run, in seconds; of those that nobody has switched off."""
    tasks = PeriodicTask.objects.filter(enabled=True, interval__isnull=False).select_related("interval")
    return {(task.task,): timedelta(**{task.interval.period: task.interval.every}).total_seconds() for task in tasks}


def job_seconds() -> Figures:
    """How long the last round of each job took."""
    return {(name,): seconds for name, seconds in JobRun.objects.values_list("name", "seconds")}


def job_fixed() -> Figures:
    """What each job has put right since the beginning."""
    return {(name,): fixed for name, fixed in JobRun.objects.values_list("name", "fixed_total")}


def job_failed() -> Figures:
    """1 for a job whose present or last round met with an error."""
    return {(name,): float(bool(error)) for name, error in JobRun.objects.values_list("name", "error")}
