"""What every page of the console keeps to: rows are looked at here; they are changed by the services' verbs. And the
schedule, which is an administrator's to change."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin

from apps.accounts.models import User
from apps.console.paging import BoundedPaginator, IndexedChangeList
from apps.core.db.ids import parse_id
from apps.core.models import DeadLetter, JobRun, QueuedTask
from apps.core.tasks import dead_letters
from apps.core.tasks.outbox import enqueue
from apps.moderation.audit import records as trail
from apps.moderation.roles import may_change_rules

# Theirs look otherwise than the rest of the console, and let one run any task with any arguments.
SCHEDULES = (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule)
# And theirs for devices shows the secrets of them.
for theirs in (Group, TOTPDevice, *SCHEDULES):
    admin.site.unregister(theirs)
admin.site.login_template = "console/login.html"


def is_administrator(request: HttpRequest) -> bool:
    """Administrators are the operators' hands in the console."""
    user = cast(User, request.user)
    return user.is_active and user.is_staff and "admin" in user.roles


def page_of(label: str, pk: Any) -> str:
    """Where the row of a model, such as "content.Post", is shown."""
    return reverse(f"admin:{label.replace('.', '_').lower()}_change", args=[pk])


def linked(name: str, description: str = "") -> Callable[[Model], str]:
    """A column of a list that leads to the row that a foreign key refers to."""

    @admin.display(description=description or name.replace("_", " "))
    def column(row: Model) -> str:
        other = getattr(row, name)
        return format_html('<a href="{}">{}</a>', page_of(other._meta.label, other.pk), other) if other else "–"

    return column


class Related(NamedTuple):
    """A list that belongs to a row: those of `model` whose `lookup` is its id."""

    title: str
    model: str
    lookup: str


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold carries no types
    """Lists, search and details, for staff; no form writes a row past the services.

    A list may have any number of rows: it has one order, is searched for what is exactly so and has an index, and is
    filtered by nothing but what its class says (docs/decisions/0008-admin-console.md).
    """

    paginator = BoundedPaginator
    # A count of everything behind a list is a scan of it.
    show_full_result_count = False
    list_per_page = 50
    # A page of everything is no page.
    list_max_show_all = 0
    sortable_by: Sequence[str] = ()
    list_disable_select_all = True
    change_form_outer_before_template = "console/related.html"

    # What the search compares with what was typed: ids, people (by handle, e-mail or id), and texts as they are.
    searched_ids: Sequence[str] = ()
    searched_people: Sequence[str] = ()
    searched_texts: Sequence[str] = ()
    # By what another page's link may narrow the list: foreign keys, or columns that hold an id.
    narrowed_by: Sequence[str] = ()
    related: Sequence[Related] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[IndexedChangeList]:
        return IndexedChangeList

    # ── Search ───────────────────────────────────────────────────────────────────────────────────────────
    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        """Only whether there is a search at all; how, is said by `get_search_results`."""
        return [*self.searched_ids, *self.searched_people, *self.searched_texts, *self.search_fields]

    @property
    def search_help_text(self) -> str:
        people = ["a handle or an e-mail address"] if self.searched_people else []
        ids = ["an id"] if self.searched_ids or self.searched_people else []
        texts = [name.split("__")[0].replace("_", " ") for name in (*self.searched_texts, *self.search_fields)]
        return f"Finds {', '.join(people + ids + texts)}, in full."

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        term = search_term.strip()
        return (queryset.filter(self.found(request, term)) if term else queryset), False

    def found(self, request: HttpRequest, term: str) -> Q:
        """The rows that `term` means; none, if it means nothing."""
        found = Q(pk__in=[])
        if row_id := parse_id(term):
            for column in self.searched_ids:
                found |= Q(**{column: row_id})
        if self.searched_people and (person := self.person_called(request, term)):
            for column in self.searched_people:
                found |= Q(**{column: person.pk})
        for column in self.searched_texts:
            found |= Q(**{column: term})
        return found

    @staticmethod
    def person_called(request: HttpRequest, term: str) -> User | None:
        """Whether there is an account with an e-mail address is for those to know who may see addresses."""
        by_mail = "@" in term.removeprefix("@")
        if by_mail and not may_change_rules(cast(User, request.user)):
            return None
        person: User | None = User.objects.named(term).first()
        return person

    # ── Links ────────────────────────────────────────────────────────────────────────────────────────────
    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Django would let an address ask for any column, also for those that no page shows."""
        columns = [
            name if isinstance(name, str) else name[0] for name in self.list_filter if not isinstance(name, type)
        ]
        return lookup in {
            f"{column}{ending}"
            for column in columns
            for ending in ("", "__exact", "__isnull", "__isempty", "__gte", "__lt")
        } | {f"{column}__exact" for column in self.narrowed_by}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        links = {"related_links": self.related_links(request, object_id)}
        answer: HttpResponse = super().change_view(request, object_id, form_url, (extra_context or {}) | links)
        return answer

    def related_links(self, request: HttpRequest, object_id: str) -> list[tuple[str, str]]:
        """(title, address) of the lists that whoever asks may see."""
        links = []
        for title, label, lookup in self.related:
            model = apps.get_model(label)
            if admin.site._registry[model].has_view_permission(request):
                path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
                links.append((title, f"{path}?{urlencode({f'{lookup}__exact': object_id})}"))
        return links


@admin.register(QueuedTask)
class OutboxAdmin(ReadOnlyAdmin):
    """The tasks that are not done yet."""

    list_display = ["id", "task_name", "kwargs", "attempts", "created_at", "next_attempt_at"]
    searched_texts = ["task_id", "task_name"]
    ordering = ["-id"]


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    """The tasks that were given up, with the reason. An operator retries or drops them."""

    list_display = ["id", "task_name", "kwargs", "failure_reason", "attempts", "created_at", "dead_at"]
    searched_texts = ["task_id", "task_name"]
    ordering = ["-id"]
    actions = ["retry", "drop"]

    @admin.action(description="Try again", permissions=["operate"])
    @transaction.atomic
    def retry(self, request: HttpRequest, letters: "QuerySet[DeadLetter]") -> None:
        self._note(request, "retry_dead_letter", letters)
        messages.info(request, f"{dead_letters.retry(letters)} will be tried again.")

    @admin.action(description="Drop: nobody wants it done any more", permissions=["operate"])
    @transaction.atomic
    def drop(self, request: HttpRequest, letters: "QuerySet[DeadLetter]") -> None:
        self._note(request, "drop_dead_letter", letters)
        messages.info(request, f"{dead_letters.drop(letters)} dropped.")

    @staticmethod
    def _note(request: HttpRequest, act: str, letters: "QuerySet[DeadLetter]") -> None:
        for letter in letters:
            trail.note(act, letter, by=cast(User, request.user).pk, task=letter.task_name)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """What each job of the schedule did in its last round, and since the beginning."""

    list_display = ["name", "succeeded_at", "seconds", "fixed", "fixed_total", "unfinished", "error"]
    searched_texts = ["name"]
    ordering = ["name"]


# ── The schedule ─────────────────────────────────────────────────────────────────────────────────────────
class ForAdministrators(ModelAdmin):  # type: ignore[misc]
    """Looked at and changed by administrators, and by nobody else. The forms are Django's: a banner says so, and what
    is saved is written down."""

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
        trail.note("change_schedule", obj, by=cast(User, request.user).pk, name=str(obj), **changed)


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
    @transaction.atomic
    def run_now(self, request: HttpRequest, jobs: QuerySet[PeriodicTask]) -> None:
        for job in jobs:
            enqueue(job.task)
            trail.note("run_job", job, by=cast(User, request.user).pk, task=job.task)
        messages.info(request, f"{len(jobs)} jobs queued.")


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
