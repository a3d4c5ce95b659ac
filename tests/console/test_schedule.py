"""The schedule in the console: only administrators change it."""

import io

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from apps.core.models import QueuedTask
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
LIST = reverse("admin:django_celery_beat_periodictask_changelist")
INTERVALS = reverse("admin:django_celery_beat_intervalschedule_changelist")


@pytest.fixture
def job():
    call_command("ensure_schedule", stdout=io.StringIO())
    return PeriodicTask.objects.get(task="apps.core.tasks.repair_counters")


def browser(user):
    client = Client()
    assert client.login(username=user.handle, password=PASSWORD)
    return client


@pytest.fixture
def admin(db):
    """A member of the group, no superuser."""
    admin = UserFactory(handle="admin", is_staff=True)
    admin.groups.add(Group.objects.get(name="admin"))
    return browser(admin)


def page_of(row):
    return reverse(f"admin:django_celery_beat_{row._meta.model_name}_change", args=[row.pk])


def test_administrator_changes_the_interval_of_a_job(admin, job):
    page = admin.get(page_of(job))
    assert page.status_code == 200
    assert "apps.core.tasks.repair_counters" in page.text
    admin.post(reverse("admin:django_celery_beat_intervalschedule_add"), {"every": 2, "period": "hours"})
    two_hours = IntervalSchedule.objects.get(every=2, period="hours")
    heard = PeriodicTasks.last_change()
    changed = admin.post(page_of(job), {"enabled": "on", "interval": two_hours.pk, "expire_seconds": 600})
    assert changed.status_code == 302
    job.refresh_from_db()
    assert (job.interval, job.expire_seconds, job.enabled) == (two_hours, 600, True)
    assert PeriodicTasks.last_change() > heard
    call_command("ensure_schedule", stdout=io.StringIO())
    job.refresh_from_db()
    assert job.interval == two_hours


def test_administrator_disables_a_job_and_runs_it_now(admin, job):
    admin.post(page_of(job), {"interval": job.interval.pk, "expire_seconds": 600})
    job.refresh_from_db()
    assert not job.enabled
    admin.post(LIST, {"action": "run_now", "_selected_action": [job.pk]})
    assert QueuedTask.objects.get().task_name == job.task


@pytest.mark.promise("O1")
def test_forms_cannot_schedule_other_tasks(admin, job):
    arbitrary = {"task": "celery.chord", "name": "x", "args": "[1]", "kwargs": '{"a": 1}', "queue": "other"}
    assert admin.post(reverse("admin:django_celery_beat_periodictask_add"), arbitrary).status_code == 403
    admin.post(page_of(job), arbitrary | {"enabled": "on", "interval": job.interval.pk, "expire_seconds": 600})
    after = PeriodicTask.objects.get(pk=job.pk)
    assert (after.task, after.name, after.args, after.kwargs, after.queue) == (job.task, job.name, "[]", "{}", None)
    delete = reverse("admin:django_celery_beat_periodictask_delete", args=[job.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 403
    assert admin.post(page_of(job.interval), {"every": 1, "period": "seconds"}).status_code == 403


@pytest.mark.parametrize("model", ["crontabschedule", "solarschedule", "clockedschedule"])
def test_only_interval_schedules_exist(admin, model):
    assert admin.get(f"/admin/django_celery_beat/{model}/").status_code == 404


def test_moderator_can_neither_see_nor_change_the_schedule(mod, job):
    client = browser(mod)
    assert "django_celery_beat" not in client.get("/admin/").text
    assert client.get(LIST).status_code == 403
    assert client.get(INTERVALS).status_code == 403
    assert client.get(page_of(job)).status_code == 403
    assert client.post(page_of(job), {"interval": job.interval.pk}).status_code == 403
    client.post(LIST, {"action": "run_now", "_selected_action": [job.pk]})
    assert not QueuedTask.objects.exists()
    job.refresh_from_db()
    assert job.enabled


def test_superuser_can_open_the_pages(job):
    client = browser(UserFactory(handle="root", is_staff=True, is_superuser=True))
    for page in (LIST, INTERVALS, page_of(job), page_of(job.interval)):
        assert client.get(page).status_code == 200


def test_administrators_see_job_runs(admin, mod, job):
    runs = reverse("admin:core_jobrun_changelist")
    assert job.task in admin.get(runs).text
    assert browser(mod).get(runs).status_code == 403
