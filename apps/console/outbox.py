"""Queued tasks, dead letters and runs of scheduled jobs."""

import json
from typing import cast

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.models import User
from apps.console.base import ReadOnlyAdmin, is_administrator
from apps.core.models import DeadLetter, JobRun, QueuedTask, TaskRecord
from apps.core.tasks import dead_letters
from apps.moderation.audit.records import record_staff_act


class TaskAdmin(ReadOnlyAdmin):
    """Tasks with their arguments, without the address that a visitor has typed to reset a password."""

    exclude = ["kwargs"]
    readonly_fields = ["arguments"]

    @admin.display(description="kwargs")
    def arguments(self, task: TaskRecord) -> str:
        return json.dumps(task.shown_kwargs)


@admin.register(QueuedTask)
class OutboxAdmin(TaskAdmin):
    """Tasks that are not done yet."""

    list_display = ["id", "task_name", "arguments", "attempts", "created_at", "next_attempt_at"]
    searched_texts = ["task_id", "task_name"]
    ordering = ["-id"]


@admin.register(DeadLetter)
class DeadLetterAdmin(TaskAdmin):
    """Tasks that failed permanently, with the reason. Administrators retry or drop them."""

    list_display = ["id", "task_name", "arguments", "failure_reason", "attempts", "created_at", "dead_at"]
    searched_texts = ["task_id", "task_name"]
    ordering = ["-id"]
    actions = ["retry", "drop"]

    @admin.action(description="Try again", permissions=["operate"])
    @transaction.atomic
    def retry(self, request: HttpRequest, letters: "QuerySet[DeadLetter]") -> None:
        self._record(request, "retry_dead_letter", letters)
        messages.info(request, f"{dead_letters.retry(letters)} will be retried.")

    @admin.action(description="Drop: not needed any more", permissions=["operate"])
    @transaction.atomic
    def drop(self, request: HttpRequest, letters: "QuerySet[DeadLetter]") -> None:
        self._record(request, "drop_dead_letter", letters)
        messages.info(request, f"{dead_letters.drop(letters)} dropped.")

    @staticmethod
    def _record(request: HttpRequest, act: str, letters: "QuerySet[DeadLetter]") -> None:
        for letter in letters:
            record_staff_act(act, letter, by=cast(User, request.user).pk, task=letter.task_name)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """The last run of each scheduled job, and its totals."""

    list_display = ["name", "succeeded_at", "seconds", "fixed", "fixed_total", "unfinished", "error"]
    searched_texts = ["name"]
    ordering = ["name"]
