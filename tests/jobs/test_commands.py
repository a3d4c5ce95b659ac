"""`queue_status` and `dead_letters`, and the same in the console."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from apps.core.models import DeadLetter, QueuedTask
from apps.core.tasks import heartbeats, outbox
from config.celery import app
from tests.commands import run

pytestmark = pytest.mark.django_db
UPLOAD, RESET = "apps.media.tasks.process_upload", "apps.accounts.tasks.send_reset"


def given_up(task, reason="OSError: away", **kwargs):
    task_id = outbox.enqueue(task, kwargs=kwargs)
    for _ in range(settings.TASK_TRIES):
        outbox.begin_attempt(task_id, lease=timedelta(seconds=45))
    outbox.move_to_dead_letters([task_id], reason)
    return DeadLetter.objects.get(task_id=task_id)


def sign_in_as_admin(client, user):
    user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name="admin"))
    client.force_login(user)


class TestQueueStatus:
    def test_queue_status_lists_queues_and_heartbeats(self):
        outbox.enqueue(UPLOAD, kwargs={"media_id": "x"})
        QueuedTask.objects.update(created_at=timezone.now() - timedelta(minutes=2), attempts=2)
        given_up(RESET)
        heartbeats.beat("relay")
        told = run("queue_status", "--json").json
        assert set(told["queues"]) == set(settings.QUEUES)
        media = told["queues"]["media"]
        assert (media["depth"], media["failing"], media["dead_letters"]) == (1, 1, 0)
        assert 119 < media["oldest"] < 130
        assert told["queues"]["notifications"]["dead_letters"] == 1
        assert told["silence"]["relay"] < 5

    def test_queue_status_reports_an_unavailable_broker(self, monkeypatch):
        monkeypatch.setattr("apps.core.tasks.backlog.in_broker", lambda queues: None)
        outcome = run("queue_status")
        assert outcome.code == 0
        assert "The broker does not answer." in outcome.out

    def test_queue_status_counts_messages_in_the_broker(self):
        with app.connection_for_write() as broker, broker.Producer() as producer:
            producer.publish({}, routing_key="feed", declare=[app.amqp.queues["feed"]])
            queues = run("queue_status", "--json").json["queues"]
            broker.default_channel.queue_purge("feed")
        assert (queues["feed"]["in_broker"], queues["media"]["in_broker"]) == (1, 0)


ADDRESSES = ["typed@example.org", "typed@localhost", "my p@ssword"]


class TestPrivateArguments:
    """What a visitor types to reset a password is not shown to staff: it may belong to anybody, or be a password."""

    @pytest.mark.parametrize("typed", ADDRESSES)
    def test_typed_address_is_shown_neither_in_the_console_nor_by_commands(self, client, alice, typed):
        outbox.enqueue(RESET, kwargs={"email": typed})
        queued = QueuedTask.objects.get()
        letter = given_up(RESET, email=typed)
        outbox.enqueue(UPLOAD, kwargs={"media_id": "shown"})
        sign_in_as_admin(client, alice)
        pages = {
            name: client.get(reverse(f"admin:core_{name}", args=args)).content.decode()
            for name, args in [
                ("queuedtask_changelist", []),
                ("queuedtask_change", [queued.pk]),
                ("deadletter_changelist", []),
                ("deadletter_change", [letter.pk]),
            ]
        }
        for name, page in pages.items():
            assert "[email]" in page, name
            assert typed not in page, name
        assert "shown" in pages["queuedtask_changelist"]
        for options in ([], ["--json"]):
            output = run("dead_letters", "list", *options).out
            assert "[email]" in output
            assert typed not in output

    def test_refused_address_is_not_part_of_the_reason(self):
        letter = given_up(RESET, "SMTPRecipientsRefused: {'alice@example.org': (550, b'No such user')}")
        assert letter.failure_reason == "SMTPRecipientsRefused: {'[email]': (550, b'No such user')}"

    def test_address_is_kept_for_another_attempt_and_deleted_with_the_row(self):
        letter = given_up(RESET, email="alice@example.org")
        outbox.replay([letter])
        assert QueuedTask.objects.get().kwargs == {"email": "alice@example.org"}
        outbox.finish(letter.task_id)
        assert not QueuedTask.objects.exists()
        assert not DeadLetter.objects.exists()


class TestDeadLetters:
    def test_dead_letters_are_listed_with_their_reason(self):
        letter = given_up(RESET, "SMTPException: refused", user_id="one")
        outcome = run("dead_letters", "list")
        assert f"{letter.pk}" in outcome.out
        assert "SMTPException: refused" in outcome.out
        assert run("dead_letters", "list", "--json").json["letters"][0]["kwargs"] == {"user_id": "one"}

    @pytest.mark.promise("C6")
    def test_dead_letters_are_retried_by_id_or_task(self):
        one, two, other = given_up(RESET), given_up(RESET), given_up(UPLOAD)
        assert run("dead_letters", "retry", str(one.pk)).code == 0
        assert run("dead_letters", "retry", "--task", "send_reset").code == 0
        assert set(QueuedTask.objects.values_list("task_id", flat=True)) == {one.task_id, two.task_id}
        assert list(DeadLetter.objects.all()) == [other]

    @pytest.mark.parametrize("action", ["retry", "drop"])
    def test_dry_run_changes_nothing(self, action):
        given_up(RESET)
        outcome = run("dead_letters", action, "--all", "--dry-run", "--json")
        assert outcome.json["number"] == 1
        assert DeadLetter.objects.exists()
        assert not QueuedTask.objects.exists()

    @pytest.mark.parametrize("action", ["retry", "drop"])
    def test_retrying_all_dead_letters_needs_an_option(self, action):
        given_up(RESET)
        assert run("dead_letters", action).code == 1
        assert DeadLetter.objects.exists()

    def test_dead_letters_are_dropped(self):
        given_up(RESET)
        assert run("dead_letters", "drop", "--all", "--json").json["number"] == 1
        assert not DeadLetter.objects.exists()


class TestInTheConsole:
    PAGE = "/admin/core/deadletter/"

    def act(self, client, letter, action):
        return client.post(self.PAGE, {"action": action, "_selected_action": [letter.pk]}, follow=True)

    @pytest.mark.promise("C6")
    def test_administrator_retries_a_dead_letter(self, client, alice):
        sign_in_as_admin(client, alice)
        letter = given_up(RESET)
        assert letter.failure_reason in client.get(self.PAGE).content.decode()
        assert self.act(client, letter, "retry").status_code == 200
        assert QueuedTask.objects.filter(task_id=letter.task_id).exists()

    @pytest.mark.promise("O1")
    def test_moderator_cannot_retry_a_dead_letter(self, client, mod):
        client.force_login(mod)
        letter = given_up(RESET)
        assert self.act(client, letter, "drop").status_code == 403
        assert DeadLetter.objects.filter(pk=letter.pk).exists()
