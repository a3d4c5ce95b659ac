"""`manage.py doctor`: each fault is found, named, and comes with what to do."""

import io
import json
import secrets
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
from django.db import connection

from apps.core.models import DeadLetter
from apps.core.ops import doctor, processes
from apps.core.ops.doctor import Severity
from apps.core.tasks import heartbeats
from apps.media import storage
from tests.commands import run
from tests.media.uploads import use_storage

# One test sets up the server of all of them in a way that the others must not find.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("doctor")]
# The tests' PostgreSQL is as fast as it can be, and forgets what it likes when it is killed.
CARELESS = ("fsync", "synchronous_commit", "full_page_writes")


def found(subject: str, severity: Severity = Severity.ERROR) -> str:
    """What is told of a subject with that severity, and the advice."""
    told = [f for f in doctor.examine() if (f.subject, f.severity) == (subject, severity)]
    assert all(f.advice for f in told) or severity is Severity.OK
    return "\n".join(f"{f.what} → {f.advice}" for f in told if not f.what.startswith(CARELESS))


@pytest.fixture
def own_buckets(settings: Any) -> Any:
    name = f"doctor-{secrets.token_hex(4)}"
    use_storage(settings, private=f"{name}-private", public=f"{name}-public")
    settings.MEDIA_CDN_URL = f"{settings.S3_PUBLIC_ENDPOINT_URL}/{name}-public"
    call_command("ensure_buckets", stdout=io.StringIO())
    return settings


def test_working_servers_give_no_error() -> None:
    for subject in ("settings", "database", "cache", "broker", "storage", "mail", "machine"):
        assert found(subject) == "", subject
        if subject != "settings":
            assert found(subject, Severity.OK)
    for bucket in ("photogram-private", "photogram-public"):
        assert not [entry.key for entry in storage.listing(bucket, "doctor-")]


class TestSettings:
    """`said`: what Django's checks have to say."""

    @pytest.fixture
    def said(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[checks.CheckMessage]:
        messages: list[checks.CheckMessage] = []
        monkeypatch.setattr(checks, "run_checks", lambda include_deployment_checks: messages)
        settings.PRODUCTION, settings.SILENCED_SYSTEM_CHECKS = True, ["security.W004"]
        settings.DEFAULT_FROM_EMAIL = "noreply@pictures.test"
        return messages

    def test_settings_without_findings_are_ok(self, said: list[checks.CheckMessage]) -> None:
        said.append(checks.Warning("No HSTS.", id="security.W004"))
        assert found("settings", Severity.OK)
        assert found("settings", Severity.WARNING) == ""

    def test_findings_of_system_checks_are_reported(self, said: list[checks.CheckMessage]) -> None:
        said += [checks.Warning("No HSTS.", id="security.W004"), checks.Warning("No TLS.", id="security.W008")]
        assert not found("settings", Severity.OK)
        assert found("settings", Severity.WARNING).startswith("No TLS. (security.W008)")


class TestDatabase:
    def test_unapplied_migrations_are_reported(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'notifications' AND name <> '0001_initial'")
        waiting = found("database")
        assert "notifications.0002_failed_deliveries" in waiting
        assert "→ Run manage.py migrate." in waiting

    def test_missing_timeouts_are_reported(self, settings: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 0")
        assert f"SET lock_timeout = '{settings.DATABASE_LOCK_TIMEOUT_MS}ms'" in found("database")

    def test_unsafe_durability_settings_are_reported(self) -> None:
        told = [finding.what for finding in doctor.examine() if finding.what.startswith(CARELESS)]
        assert len(told) == 3

    def test_clock_difference_of_a_minute_is_reported(self) -> None:
        with time_machine.travel(time.time() + 60):
            findings = [finding.what for finding in doctor.examine() if "Its clock" in finding.what]
        assert len(findings) == 2


class TestRedis:
    def test_unavailable_server_is_reported(self, settings: Any) -> None:
        settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
        assert "Without it all works, slower." in found("cache")
        assert "Tasks wait in the database." in found("broker")

    def test_evicting_broker_is_reported(self, settings: Any) -> None:
        with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            try:
                assert "volatile-lru" in found("broker")
            finally:
                client.config_set("maxmemory-policy", "noeviction")
        assert "--appendonly yes" in found("broker", Severity.WARNING)


class TestStorage:
    def test_unavailable_server_is_reported(self, settings: Any) -> None:
        use_storage(settings, endpoint="http://127.0.0.1:1")
        assert "S3_ENDPOINT_URL" in found("storage")

    def test_publicly_readable_private_bucket_is_reported(self, own_buckets: Any) -> None:
        client, bucket = storage.client(), own_buckets.S3_PRIVATE_BUCKET
        statement = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"]}
        resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": resources}]}
        client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        told = found("storage")
        assert "Anybody can read the private bucket." in told
        assert "Anybody can list" in told

    def test_unreadable_public_bucket_or_cdn_is_reported(self, own_buckets: Any) -> None:
        own_buckets.MEDIA_CDN_URL = f"{own_buckets.S3_PUBLIC_ENDPOINT_URL}/{own_buckets.S3_PRIVATE_BUCKET}"
        assert "answers 403 for an object of it" in found("storage")

    def test_missing_cors_rule_for_uploads_is_reported(self, own_buckets: Any) -> None:
        own_buckets.CORS_ALLOWED_ORIGINS = ["https://old.example"]
        call_command("ensure_buckets", stdout=io.StringIO())
        own_buckets.CORS_ALLOWED_ORIGINS = ["https://new.example"]
        assert "Browsers at https://new.example may not upload." in found("storage", Severity.WARNING)


def test_unavailable_mail_server_is_reported(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert "EMAIL_URL" in found("mail")


def test_vapid_keys_that_are_not_a_pair_are_reported(settings: Any) -> None:
    pairs = []
    for _ in range(2):
        out = io.StringIO()
        call_command("make_vapid_keys", stdout=out)
        pairs.append(dict(line.split("=", 1) for line in out.getvalue().splitlines()))
    settings.VAPID_PRIVATE_KEY, settings.VAPID_PUBLIC_KEY = pairs[0].values()
    assert "VAPID" not in found("settings")
    for wrong in (pairs[1]["VAPID_PUBLIC_KEY"], ""):
        settings.VAPID_PUBLIC_KEY = wrong
        assert "not a pair. (photogram.E003) → `manage.py make_vapid_keys`" in found("settings")
    settings.VAPID_PRIVATE_KEY = "nonsense"
    assert "not a pair" in found("settings")


class TestJobs:
    def test_processes_without_heartbeat_are_reported(self) -> None:
        heartbeats.beat("relay")
        told = found("jobs")
        assert "scheduler: no heartbeat. → Start it: config/deploy/start dispatcher." in told
        assert "relay" not in told.splitlines()[0]
        assert "queue_media: no heartbeat." in told

    def test_dead_letters_are_reported(self) -> None:
        row = {"task_name": "apps.media.tasks.process_upload", "task_id": "x", "args": [], "kwargs": {}, "options": {}}
        DeadLetter.objects.create(created_at="2026-01-01T00:00:00Z", attempts=5, **row)
        assert "media: 1 tasks were given up. → manage.py dead_letters list" in found("jobs", Severity.WARNING)


def test_failing_check_does_not_prevent_other_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_sources", {})
    doctor.finding_source("first", when_it_fails="Mend it.")(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    doctor.finding_source("second", when_it_fails="")(lambda: [doctor.ok("second", "Fine.")])
    first, second = doctor.examine()
    assert (first.severity, first.what, first.advice) == (
        Severity.ERROR,
        "ZeroDivisionError: division by zero",
        "Mend it.",
    )
    assert second.what == "Fine."


class TestTheCommand:
    @pytest.fixture
    def running(self, settings: Any, tmp_path: Path) -> Any:
        """One process of a Procfile, started in its folder, and one started elsewhere."""
        settings.BASE_DIR = tmp_path.resolve()
        script = "import time; print(flush=True); time.sleep(60)"
        (tmp_path / "Procfile").write_text(f"api: A=1 python -c '{script}'\nrelay: python manage.py relay\n")
        started = [
            subprocess.Popen([sys.executable, "-c", script], cwd=folder, stdout=subprocess.PIPE)
            for folder in (tmp_path, tmp_path.parent)
        ]
        for process in started:
            assert process.stdout
            process.stdout.readline()
        yield started[0].pid
        for process in started:
            process.kill()
            process.communicate()

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells, in /proc")
    def test_memory_of_each_process_is_listed(self, running: int, monkeypatch: Any) -> None:
        (process,) = processes.running()
        assert (process.kind, process.pid) == ("api", running)
        assert 1_000_000 < process.own <= process.resident
        monkeypatch.setattr(doctor, "_sources", {})
        told = run("doctor")
        assert told.code == 0, told
        assert "api                  1" in told.out
        assert "together             1" in told.out

    def test_json_output_and_exit_code_report_errors(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(doctor, "_sources", {})
        doctor.finding_source("all", when_it_fails="")(lambda: [doctor.error("all", "Broken.", "Mend it.")])
        told = run("doctor", "--json")
        assert told.code == 1
        assert told.json["findings"] == [
            {"subject": "all", "severity": "error", "what": "Broken.", "advice": "Mend it."}
        ]
