"""What every page of the console keeps to: rows are looked at here; they are changed by the services' verbs. And the
schedule, which is an administrator's to change."""

from typing import Any, cast

from celery import current_app
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_celery_outbox.models import CeleryOutbox, CeleryOutboxDeadLetter
from unfold.admin import ModelAdmin

from apps.accounts.models import User
from apps.core import dead_letters
from apps.core.models import JobRun

# Theirs look otherwise than the rest of the console, and let one run any task with any arguments.
SCHEDULES = (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule)
for theirs in (Group, CeleryOutbox, CeleryOutboxDeadLetter, *SCHEDULES):
    admin.site.unregister(theirs)


def is_administrator(request: HttpRequest) -> bool:
    """Administrators are the operators' hands in the console."""
    user = cast(User, request.user)
    return user.is_active and user.is_staff and "admin" in user.roles


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold carries no types
    """Lists, search and details, for staff; no form writes a row past the services."""

    # A count of everything behind a list is a scan of it.
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(CeleryOutbox)
class OutboxAdmin(ReadOnlyAdmin):
    """What is to be done and is not done yet."""

    list_display = ["id", "task_name", "kwargs", "retries", "created_at", "retry_after"]
    list_filter = ["task_name"]
    search_fields = ["task_id"]
    ordering = ["-id"]


@admin.register(CeleryOutboxDeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    """What was given up, with the reason. Trying again, or dropping it, is an operator's decision."""

    list_display = ["id", "task_name", "kwargs", "failure_reason", "retries", "created_at", "dead_at"]
    list_filter = ["task_name"]
    search_fields = ["task_id"]
    ordering = ["-id"]
    actions = ["retry", "drop"]

    @admin.action(description="Try again", permissions=["operate"])
    def retry(self, request: HttpRequest, letters: "QuerySet[CeleryOutboxDeadLetter]") -> None:
        messages.info(request, f"{dead_letters.retry(letters)} will be tried again.")

    @admin.action(description="Drop: nobody wants it done any more", permissions=["operate"])
    def drop(self, request: HttpRequest, letters: "QuerySet[CeleryOutboxDeadLetter]") -> None:
        messages.info(request, f"{dead_letters.drop(letters)} dropped.")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """What each job of the schedule did in its last round, and since the beginning."""

    list_display = ["name", "succeeded_at", "seconds", "fixed", "fixed_total", "unfinished", "error"]
    search_fields = ["name"]
    ordering = ["name"]


# ── The schedule ─────────────────────────────────────────────────────────────────────────────────────────
class ForAdministrators(ModelAdmin):  # type: ignore[misc]
    """Looked at and changed by administrators, and by nobody else."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_run_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)


@admin.register(PeriodicTask)
class ScheduledJobAdmin(ForAdministrators):
    """How often each job runs, and whether it does. Which jobs there are is `config/schedule.py`'s to say."""

    list_display = ["task", "interval", "enabled", "last_run_at", "total_run_count"]
    list_filter = ["enabled"]
    list_select_related = ["interval"]
    search_fields = ["task"]
    ordering = ["task"]
    fields = ["task", "enabled", "interval", "expire_seconds", "last_run_at", "total_run_count"]
    readonly_fields = ["task", "last_run_at", "total_run_count"]
    actions = ["run_now"]

    @admin.action(description="Run now", permissions=["run"])
    def run_now(self, request: HttpRequest, jobs: QuerySet[PeriodicTask]) -> None:
        for job in jobs:
            current_app.send_task(job.task)
        messages.info(request, f"{len(jobs)} rung for.")


@admin.register(IntervalSchedule)
class IntervalAdmin(ForAdministrators):
    """Periods that a job can be given. One that is changed changes for every job that has it, so that new ones are made
    instead."""

    list_display = ["__str__", "every", "period"]
    ordering = ["period", "every"]
    fields = ["every", "period"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
