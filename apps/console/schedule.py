"""The schedule of the jobs, for administrators."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.admin import ModelAdmin

from apps.accounts.models import User
from apps.console.base import is_administrator
from apps.core.tasks.outbox import enqueue
from apps.moderation.audit.records import record_staff_act

# The pages of django-celery-beat allow running any task with any arguments.
for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)


class AdministratorsOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Viewed and changed by administrators only. The forms write to the tables directly: a banner says so, and changes
    are recorded."""

    list_before_template = change_form_before_template = "console/raw_banner.html"

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

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        changed = {name: str(form.cleaned_data[name]) for name in form.changed_data}
        record_staff_act("change_schedule", obj, by=cast(User, request.user).pk, name=str(obj), **changed)


@admin.register(PeriodicTask)
class ScheduledJobAdmin(AdministratorsOnlyAdmin):
    """The interval of each job, and whether it is enabled. `config/schedule.py` defines the jobs."""

    list_display = ["task", "interval", "enabled", "last_run_at", "total_run_count"]
    list_filter = ["enabled"]
    list_select_related = ["interval"]
    search_fields = ["task"]
    ordering = ["task"]
    fields = ["task", "enabled", "interval", "expire_seconds", "last_run_at", "total_run_count"]
    readonly_fields = ["task", "last_run_at", "total_run_count"]
    actions = ["run_now"]

    @admin.action(description="Run now", permissions=["run"])
    @transaction.atomic
    def run_now(self, request: HttpRequest, jobs: QuerySet[PeriodicTask]) -> None:
        for job in jobs:
            enqueue(job.task)
            record_staff_act("run_job", job, by=cast(User, request.user).pk, task=job.task)
        messages.info(request, f"{len(jobs)} jobs queued.")


@admin.register(IntervalSchedule)
class IntervalAdmin(AdministratorsOnlyAdmin):
    """The intervals that a job can have. They cannot be changed, since other jobs may use them."""

    list_display = ["__str__", "every", "period"]
    ordering = ["period", "every"]
    fields = ["every", "period"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
