"""`manage.py system_check`: each fault is found and named, with a hint."""

import io
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis
import time_machine
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, connection

from apps.core.models import DeadLetter, Heartbeat
from apps.core.ops import installation, processes
from apps.core.tasks import heartbeats
from apps.media import storage
from tests.commands import run
from tests.media.uploads import use_storage

# One test changes a setting of the server, which the others must not see.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("system_check")]
# The PostgreSQL of the tests does not write to disk.
NOT_DURABLE = {"photogram.E117"}
SERVERS = ("database", "cache", "broker", "mail", "jobs", "machine", "storage")


def found(subject: str, level: int = checks.ERROR) -> str:
    """The messages about a subject at this level, with their hints."""
    messages = [
        message
        for message in installation.run_checks(subject)
        if (installation.subject_of(message), message.level) == (subject, level) and message.id not in NOT_DURABLE
    ]
    assert level == checks.INFO or all(message.hint for message in messages)
    return "\n".join(f"{message.msg} → {message.hint}" for message in messages)


class TestFramework:
    def test_commands_and_plain_check_contact_no_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: Any) -> None:
            raise AssertionError("a server was contacted")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        call_command("check", stderr=io.StringIO())

    def test_checks_have_a_tag_for_each_subject(self) -> None:
        assert {installation.TAG, *SERVERS} <= set(checks.registry.registry.tags_available(deployment_checks=True))

    def test_django_runs_the_checks_of_a_tag(self, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        with pytest.raises(SystemCheckError, match=r"photogram\.E120"):
            call_command("check", "--deploy", "--tag", "cache")

    def test_message_ids_are_unique_within_a_subject_and_follow_their_level(self) -> None:
        for message in installation.run_checks():
            if installation.subject_of(message) != installation.SETTINGS:
                letter = {checks.ERROR: "E", checks.WARNING: "W", checks.INFO: "I"}[message.level]
                assert message.id
                assert message.id.startswith(f"photogram.{letter}")

    def test_failing_check_does_not_prevent_other_checks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checks.registry, "registry", registry := checks.registry.CheckRegistry())
        monkeypatch.setattr(checks, "run_checks", registry.run_checks)
        monkeypatch.setattr(checks, "register", registry.register)
        monkeypatch.setattr(installation, "_subjects", ["settings"])

        @installation.register("first", id="photogram.E901", hint="Fix it.", address=lambda: "host:1")
        def first(**_: Any) -> Any:
            yield checks.Info("Fine so far.", id="photogram.I901")
            yield 1 / 0

        installation.register("second", id="photogram.E902", hint="")(lambda **_: [checks.Info("Fine.")])
        so_far, failure, second = installation.run_checks("first", "second")
        assert so_far.msg == "Fine so far."
        assert (failure.level, failure.id, failure.msg, failure.hint) == (
            checks.ERROR,
            "photogram.E901",
            "host:1: ZeroDivisionError: division by zero",
            "Fix it.",
        )
        assert second.msg == "Fine."


def test_working_servers_give_no_error() -> None:
    messages = installation.run_checks()
    errors = [message for message in messages if message.is_serious() and message.id not in NOT_DURABLE]
    # No process of the installation runs.
    assert {installation.subject_of(message) for message in errors} <= {"jobs"}
    assert {installation.subject_of(message) for message in messages if message.level == checks.INFO} >= set(SERVERS)
    for bucket in ("photogram-private", "photogram-public"):
        assert not [entry.key for entry in storage.listing(bucket, "system-check-")]


class TestSettings:
    @pytest.fixture
    def production(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[checks.CheckMessage]:
        """The messages of Django's checks in production."""
        messages: list[checks.CheckMessage] = []

        def run_checks(include_deployment_checks: bool) -> list[checks.CheckMessage]:
            assert include_deployment_checks
            return messages

        monkeypatch.setattr(checks, "run_checks", run_checks)
        settings.PRODUCTION, settings.SILENCED_SYSTEM_CHECKS = True, ["security.W004"]
        return messages

    def test_settings_without_findings_are_ok(self, production: list[checks.CheckMessage]) -> None:
        (message,) = installation.run_checks()
        assert (installation.subject_of(message), message.level) == ("settings", checks.INFO)

    def test_messages_of_other_checks_are_about_settings(self, production: list[checks.CheckMessage]) -> None:
        production += [checks.Warning("No HSTS.", id="security.W004"), checks.Warning("No TLS.", id="security.W008")]
        (message,) = installation.run_checks()
        assert (installation.subject_of(message), message.msg) == ("settings", "No TLS.")

    def test_sender_of_the_example_is_reported(self, settings: Any) -> None:
        settings.PRODUCTION = True
        assert "DEFAULT_FROM_EMAIL" in found("settings", checks.WARNING)
        settings.DEFAULT_FROM_EMAIL = "noreply@pictures.test"
        assert "DEFAULT_FROM_EMAIL" not in found("settings", checks.WARNING)


class TestDatabase:
    def test_unapplied_migrations_are_reported(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'notifications' AND name <> '0001_initial'")
        messages = found("database")
        assert "notifications.0002_failed_deliveries" in messages
        assert "→ Run manage.py migrate." in messages

    def test_migrations_of_a_newer_release_are_reported(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('feed', '9999_later', now())")
        assert "feed.9999_later" in found("database", checks.WARNING)

    def test_invalid_index_of_a_failed_build_is_reported(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'people_by_folded_name'::regclass"
            )
        messages = found("database", checks.WARNING)
        assert "The index people_by_folded_name is not valid" in messages
        assert "REINDEX INDEX CONCURRENTLY people_by_folded_name;" in messages

    def test_missing_timeouts_are_reported(self, settings: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 0")
        assert f"SET lock_timeout = '{settings.DATABASE_LOCK_TIMEOUT_MS}ms'" in found("database")

    def test_settings_that_lose_writes_are_reported(self) -> None:
        messages = [message for message in installation.run_checks("database") if message.id in NOT_DURABLE]
        assert len(messages) == 3

    def test_clock_difference_of_a_minute_is_reported(self) -> None:
        with time_machine.travel(time.time() + 60):
            messages = found("database") + found("storage")
        assert "The clock of the database server differs from the clock of this machine by -60.0 s." in messages
        assert "differs from this machine's by -6" in messages


class TestRedis:
    def test_unavailable_server_is_reported(self, settings: Any) -> None:
        settings.REDIS_URL, settings.CELERY_BROKER_URL = (
            "redis://:secret@127.0.0.1:1/0",
            "redis://:secret@127.0.0.1:2/1",
        )
        for subject, hint in (
            ("cache", "Without it everything works, slower."),
            ("broker", "Tasks wait in the database."),
        ):
            assert hint in found(subject)
            assert re.match(r"127\.0\.0\.1:[12]: ConnectionError", found(subject))
            assert "secret" not in found(subject)

    def test_unavailable_broker_of_another_kind_is_reported(self, settings: Any) -> None:
        settings.CELERY_BROKER_URL = "amqp://guest:secret@127.0.0.1:1//"
        settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
        assert found("broker").startswith("127.0.0.1:1: OperationalError")
        assert "secret" not in found("broker")

    def test_broker_on_the_server_of_the_cache_is_no_second_error(self, settings: Any) -> None:
        settings.REDIS_URL, settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0", "redis://127.0.0.1:1/1"
        assert found("broker") == ""
        assert found("broker", checks.INFO).startswith("Not checked: Redis is down")

    def test_evicting_broker_is_reported(self, settings: Any) -> None:
        with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            try:
                assert "volatile-lru" in found("broker")
            finally:
                client.config_set("maxmemory-policy", "noeviction")
        assert "--appendonly yes" in found("broker", checks.WARNING)


class TestStorage:
    @pytest.fixture
    def own_buckets(self, settings: Any) -> Any:
        name = f"check-{secrets.token_hex(4)}"
        use_storage(settings, private=f"{name}-private", public=f"{name}-public")
        settings.MEDIA_CDN_URL = f"{settings.S3_PUBLIC_ENDPOINT_URL}/{name}-public"
        call_command("ensure_buckets", stdout=io.StringIO())
        return settings

    @pytest.mark.parametrize("setting", ["S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL", "MEDIA_CDN_URL"])
    def test_unavailable_address_is_reported_with_its_host_and_setting(self, settings: Any, setting: str) -> None:
        if setting == "S3_ENDPOINT_URL":
            use_storage(settings, endpoint="http://127.0.0.1:1")
        else:
            setattr(settings, setting, "http://127.0.0.1:1")
        (message,) = found("storage").splitlines()
        assert message.startswith("127.0.0.1:1: ")
        assert f"Check {'that storage is running, and ' if setting == 'S3_ENDPOINT_URL' else ''}{setting}," in message

    def test_wrong_access_is_reported(self, own_buckets: Any) -> None:
        client, bucket = storage.client(), own_buckets.S3_PRIVATE_BUCKET
        statement = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"]}
        resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": resources}]}
        client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        own_buckets.CORS_ALLOWED_ORIGINS = ["https://old.example"]
        call_command("ensure_buckets", stdout=io.StringIO())
        client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        own_buckets.CORS_ALLOWED_ORIGINS = ["https://new.example"]
        own_buckets.MEDIA_CDN_URL = f"{own_buckets.S3_PUBLIC_ENDPOINT_URL}/no-such-bucket"
        messages = installation.run_checks("storage")
        found = "\n".join(message.msg for message in messages if message.level > checks.INFO)
        assert "The private bucket is readable without a signature." in found
        assert f"/{bucket} can be listed without a signature." in found
        assert "/no-such-bucket answers with 40" in found
        assert "does not allow uploads from browsers at https://new.example." in found


def test_unavailable_mail_server_is_reported_with_its_host(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert found("mail").startswith("127.0.0.1:1: ConnectionRefusedError")
    assert "EMAIL_URL" in found("mail")


def test_vapid_keys_that_are_not_a_pair_are_reported(settings: Any) -> None:
    def messages() -> list[checks.CheckMessage]:
        return [message for message in checks.run_checks() if message.id == "photogram.E003"]

    pairs = []
    for _ in range(2):
        out = io.StringIO()
        call_command("make_vapid_keys", stdout=out)
        pairs.append(dict(line.split("=", 1) for line in out.getvalue().splitlines()))
    settings.VAPID_PRIVATE_KEY, settings.VAPID_PUBLIC_KEY = pairs[0].values()
    assert not messages()
    settings.VAPID_PUBLIC_KEY = pairs[1]["VAPID_PUBLIC_KEY"]
    assert messages()
    settings.VAPID_PRIVATE_KEY = "nonsense"
    assert messages()


class TestJobs:
    @pytest.fixture
    def all_run(self) -> None:
        for name in heartbeats.expected_names():
            heartbeats.beat(f"{name}@host" if name.startswith("worker:") else name)

    def test_working_processes_are_ok(self, all_run: None) -> None:
        assert found("jobs") == ""
        assert found("jobs", checks.INFO).startswith("Queues, heartbeats and dead letters were checked.")

    def test_each_silent_process_is_reported_without_its_consequences(self, all_run: None) -> None:
        Heartbeat.objects.exclude(name__in=["relay", "worker:worker@host"]).delete()
        assert [line.split(" → ")[0] for line in found("jobs").splitlines()] == [
            "No heartbeat of scheduler yet.",
            "No heartbeat of media yet.",
        ]
        assert "Start it: config/deploy/start dispatcher." in found("jobs")

    def test_stalled_queue_is_reported_while_all_processes_run(self, all_run: None) -> None:
        Heartbeat.objects.filter(name="queue:feed").delete()
        assert found("jobs").startswith("No heartbeat of queue:feed yet. → No probe has passed")

    def test_only_the_outage_of_the_broker_is_named(self, settings: Any) -> None:
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
        heartbeats.beat("scheduler")
        assert found("jobs") == ""
        assert found("jobs", checks.INFO).startswith("Not checked: the broker is down.")

    def test_only_the_outage_of_the_database_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse() -> None:
            raise OperationalError("connection refused")

        monkeypatch.setattr(connection, "ensure_connection", refuse)
        errors = [message for message in installation.run_checks() if message.is_serious()]
        (message,) = errors
        assert re.match(r"\S+:\d+: OperationalError: connection refused", message.msg)
        for subject in ("jobs", "media"):
            assert found(subject, checks.INFO).startswith("Not checked: PostgreSQL is down.")

    def test_only_the_outage_of_redis_is_named(self, all_run: None, settings: Any) -> None:
        settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
        errors = [message for message in installation.run_checks() if message.is_serious()]
        assert {installation.subject_of(message) for message in errors if message.id not in NOT_DURABLE} == {"cache"}
        assert found("addresses", checks.INFO).startswith("Not checked: Redis is down.")

    def test_dead_letters_are_reported(self) -> None:
        row = {"task_name": "apps.media.tasks.process_upload", "task_id": "x", "args": [], "kwargs": {}, "options": {}}
        DeadLetter.objects.create(created_at="2026-01-01T00:00:00Z", attempts=5, **row)
        assert "media: 1 tasks were given up. → manage.py dead_letters list" in found("jobs", checks.WARNING)


class TestCommand:
    @pytest.fixture
    def running(self, settings: Any, tmp_path: Path) -> Any:
        """One process of a Procfile, started in its folder, one started elsewhere, and one with another database."""
        settings.BASE_DIR = tmp_path.resolve()
        script = "import time; print(flush=True); time.sleep(60)"
        (tmp_path / "Procfile").write_text(f"api: A=1 python -c '{script}'\nrelay: python manage.py relay\n")
        started = [
            subprocess.Popen([sys.executable, "-c", script], cwd=folder, stdout=subprocess.PIPE, env=os.environ | other)
            for folder, other in ((tmp_path, {}), (tmp_path.parent, {}), (tmp_path, {"DATABASE_URL": "postgresql://x"}))
        ]
        for process in started:
            assert process.stdout
            process.stdout.readline()
        yield started[0].pid
        for process in started:
            process.kill()
            process.communicate()

    @pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
    def test_memory_of_each_process_is_listed(self, running: int, monkeypatch: pytest.MonkeyPatch) -> None:
        (process,) = processes.running()
        assert (process.kind, process.pid) == ("api", running)
        assert 1_000_000 < process.own <= process.resident
        monkeypatch.setattr(installation, "run_checks", list)
        outcome = run("system_check")
        assert outcome.code == 0, outcome
        assert "api                  1" in outcome.out
        assert "together             1" in outcome.out

    def test_report_and_exit_code_show_errors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        messages = [
            checks.Info("PostgreSQL 18.", obj="database", id="photogram.I110"),
            checks.Error("No TLS.", hint="Use it.", id="security.W008"),
        ]
        monkeypatch.setattr(installation, "run_checks", lambda: messages)
        outcome = run("system_check", "--json")
        assert outcome.code == 1
        assert outcome.json["findings"] == [
            {"subject": "database", "severity": "ok", "id": "photogram.I110", "message": "PostgreSQL 18.", "hint": ""},
            {
                "subject": "settings",
                "severity": "error",
                "id": "security.W008",
                "message": "No TLS.",
                "hint": "Use it.",
            },
        ]
        text = run("system_check").out
        assert "ok      database PostgreSQL 18.\n" in text
        assert "error   settings No TLS. (security.W008)\n                 → Use it.\n" in text

    def test_former_name_works_and_is_deprecated(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(installation, "run_checks", list)
        outcome = run("doctor")
        assert outcome.code == 0
        assert "use `system_check`" in outcome.err
