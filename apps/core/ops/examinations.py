"""What the kernel can find: settings, the database, Redis, the broker, mail, jobs and this machine."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core import checks, mail
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.core.db.queries import fetch_rows, load
from apps.core.ops import health, processes
from apps.core.ops.doctor import Finding, error, finding_source, ok, warning
from apps.core.tasks import backlog

SKEW_SECONDS = 2.0
OLDEST_POSTGRES, OLDEST_REDIS = 15, (6, 2)
LATE_SECONDS = 300
EXTENSIONS = {"pg_trgm", "unaccent"}
ROOM = 1_000_000_000
# Connections of a process that has no threads that answer requests.
OTHERS_CONNECTIONS = 2


@finding_source("settings", when_it_fails="See docs/operations.md, Settings.")
def examine_settings() -> Iterator[Finding]:
    """Django's own checks and ours, in production with those for deployment."""
    messages = checks.run_checks(include_deployment_checks=settings.PRODUCTION)
    found = [message for message in messages if not message.is_silenced()]
    for message in found:
        kind = error if message.level >= checks.ERROR else warning
        yield kind("settings", f"{message.msg} ({message.id})", message.hint or "See docs/operations.md, Settings.")
    if not settings.PRODUCTION:
        advice = "Set PHOTOGRAM_ENV=production where real people are served; unsafe values are then refused."
        yield warning("settings", f"PHOTOGRAM_ENV is {settings.ENVIRONMENT}.", advice)
    elif not found:
        yield ok("settings", "Django's deployment checks have nothing to say.")
    if settings.PRODUCTION and "photogram.example" in settings.DEFAULT_FROM_EMAIL:
        yield warning("settings", "DEFAULT_FROM_EMAIL is an example's.", "Set it to an address of yours.")


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────
@finding_source("database", when_it_fails="Is PostgreSQL running, and DATABASE_URL right? See its log.")
def examine_database() -> Iterator[Finding]:
    before = time.time()
    ((clock, version),) = fetch_rows(load("core/server"), {})
    skew = float(clock) - (before + time.time()) / 2
    if abs(skew) > SKEW_SECONDS:
        advice = "Keep both machines' clocks by NTP: leases and ids are compared across them."
        yield error("database", f"Its clock is {skew:+.1f} s from ours.", advice)
    if connection.get_database_version() < (OLDEST_POSTGRES,):
        yield error(
            "database", f"{version.split(' on ')[0]} is too old.", f"Photogram needs {OLDEST_POSTGRES} or newer."
        )
    if (encoding := _shown("server_encoding")) != "UTF8":
        yield error("database", f"Its encoding is {encoding}.", "Create it with ENCODING 'UTF8', and restore a backup.")
    missing = EXTENSIONS - {name for (name,) in fetch_rows(load("core/extensions"), {})}
    if missing:
        names = ", ".join(sorted(missing))
        yield error("database", f"Extensions are missing: {names}.", "Run manage.py migrate as the database's owner.")
    yield from _migrations()
    yield from _durability()
    yield from _timeouts()
    yield from _connections()
    yield ok("database", f"{version.split(' on ')[0]}, {skew * 1000:+.0f} ms from our clock.")


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in waiting[:5])
        yield error("database", f"{len(waiting)} migrations wait: {names}", "Run manage.py migrate.")
    known = set(executor.loader.graph.nodes)
    ours = {config.label for config in apps.get_app_configs()}
    newer = [key for key in executor.loader.applied_migrations if key not in known and key[0] in ours]
    if newer and not _squashed(executor, newer):
        advice = "Is this an older release than the one that runs? It works if only one release lies between."
        yield warning("database", f"It has migrations that this code does not know: {newer[0]}", advice)


def _squashed(executor: MigrationExecutor, newer: list[tuple[str, str]]) -> bool:
    replaced = {key for migration in executor.loader.disk_migrations.values() for key in migration.replaces}
    return set(newer) <= replaced


def _durability() -> Iterator[Finding]:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        if _shown(setting) == "off":
            yield error("database", f"{setting} is off: what was acknowledged can be lost.", f"Set {setting} = on.")


def _timeouts() -> Iterator[Finding]:
    """By the connection's options; behind PgBouncer, which carries none, by those of the role."""
    wanted = {
        "statement_timeout": settings.DATABASE_STATEMENT_TIMEOUT_MS,
        "lock_timeout": settings.DATABASE_LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": settings.DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS,
        "client_connection_check_interval": settings.DATABASE_CLIENT_CHECK_MS,
    }
    for name, milliseconds in wanted.items():
        if milliseconds and _shown(name) == "0":
            role = settings.DATABASES["default"]["USER"]
            advice = f"ALTER ROLE {role} SET {name} = '{milliseconds}ms', and reconnect."
            yield error("database", f"{name} is not set.", advice)


def _connections() -> Iterator[Finding]:
    limit, reserved = (int(_shown(name)) for name in ("max_connections", "superuser_reserved_connections"))
    most = (
        sum(
            settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
            if process.kind == "api"
            else OTHERS_CONNECTIONS
            for process in processes.running()
        )
        if "pool" in settings.DATABASES["default"]["OPTIONS"]
        else 0
    )
    if not settings.DATABASE_BEHIND_PGBOUNCER and most > limit - reserved:
        advice = "Lower DATABASE_POOL_MAX, raise max_connections, or put PgBouncer between (docs/operations.md)."
        yield warning("database", f"This machine alone may open {most} connections of {limit - reserved}.", advice)


# ── Redis and the broker ─────────────────────────────────────────────────────────────────────────────────
@finding_source("cache", when_it_fails="Is Redis running, and REDIS_URL right? Without it all works, slower.")
def examine_cache() -> Iterator[Finding]:
    yield from _redis("cache", settings.REDIS_URL, keeps_queues=False)


@finding_source("broker", when_it_fails="Is it running, and CELERY_BROKER_URL right? Tasks wait in the database.")
def examine_broker() -> Iterator[Finding]:
    url = settings.CELERY_BROKER_URL
    if url.startswith(("redis://", "rediss://", "unix://")):
        yield from _redis("broker", url, keeps_queues=True)
        return
    with current_app.connection_for_read(connect_timeout=3) as broker:
        broker.ensure_connection(max_retries=1, timeout=3)
    yield ok("broker", f"{urlsplit(url).scheme} answers.")


def _redis(subject: str, url: str, *, keeps_queues: bool) -> Iterator[Finding]:
    with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
        info: Any = client.info()
        policy = info.get("maxmemory_policy", "noeviction")
        started = time.perf_counter()
        client.ping()
        latency = time.perf_counter() - started
    name, version = (info.get("server_name", "redis"), info.get("valkey_version") or info["redis_version"])
    if tuple(int(part) for part in info["redis_version"].split(".")[:2]) < OLDEST_REDIS:
        yield error(
            subject,
            f"{name} {version} is too old.",
            f"Photogram needs Redis {'.'.join(map(str, OLDEST_REDIS))} or newer, or Valkey.",
        )
    if keeps_queues and policy.startswith("allkeys"):
        advice = "CONFIG SET maxmemory-policy volatile-lru: cached values expire, the queue's keys do not."
        yield error(subject, f"maxmemory-policy is {policy}: it would throw tasks away when it is full.", advice)
    if keeps_queues and not info["aof_enabled"]:
        lease = settings.TASK_LEASE.total_seconds()
        advice = f"Start it with --appendonly yes: tasks are not lost with it, but done up to {lease:.0f} s later."
        yield warning(subject, "It does not keep the queue when it is restarted.", advice)
    if latency > settings.REDIS_TIMEOUT_SECONDS / 5:
        yield warning(
            subject, f"It takes {latency * 1000:.0f} ms to answer.", "Is it far away, or busy with slow commands?"
        )
    yield ok(subject, f"{name} {version}, {latency * 1000:.1f} ms, {info['used_memory_human']} used, {policy}.")


# ── Mail ─────────────────────────────────────────────────────────────────────────────────────────────────
@finding_source("mail", when_it_fails="Is EMAIL_URL right, and does the mail server let this machine in?")
def examine_mail() -> Iterator[Finding]:
    """Connects and signs in; nothing is sent."""
    sender = mail.get_connection()
    opened = sender.open()
    sender.close()
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}" if opened else settings.EMAIL_BACKEND
    yield ok("mail", f"{where} is ready to take mails.")


# ── Jobs ─────────────────────────────────────────────────────────────────────────────────────────────────
SIGNS = {
    "scheduler": "Start it: config/deploy/start dispatcher. Its log says why it ended.",
    "relay": "Start it: config/deploy/start dispatcher. Its log says why it ended.",
    "workers": "Start one: config/deploy/start worker. Its log says why it ended.",
}


@finding_source("jobs", when_it_fails="They are read from the database; mend that first.")
def examine_jobs() -> Iterator[Finding]:
    _, states = health.report()
    for name, state in states.items():
        if state == "down" and (name in SIGNS or name.startswith("queue_")):
            advice = SIGNS.get(
                name, "A probe did not come through scheduler, relay, broker and worker: see the others."
            )
            yield error("jobs", f"{name}: no heartbeat.", advice)
    given_up = backlog.dead_letters()
    for queue, waiting in backlog.by_queue().items():
        if waiting.oldest > LATE_SECONDS:
            advice = "manage.py queue_status shows what waits; more workers on that queue, or mend what fails."
            yield warning("jobs", f"{queue}: {waiting.depth} tasks wait, the first for {waiting.oldest:.0f} s.", advice)
        if given_up[queue]:
            advice = "manage.py dead_letters list shows why; then retry or drop them."
            yield warning("jobs", f"{queue}: {given_up[queue]} tasks were given up.", advice)
    yield ok("jobs", "Queues, heartbeats and dead letters were looked at.")


# ── This machine ─────────────────────────────────────────────────────────────────────────────────────────
@finding_source("machine", when_it_fails="Is the folder for temporary files there? See TMPDIR.")
def examine_machine() -> Iterator[Finding]:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        advice = "Workers put photographs there while they work on them; make room, or point TMPDIR elsewhere."
        yield warning("machine", f"Only {free / 1e6:.0f} MB are free in {folder}.", advice)
    yield ok("machine", f"{free / 1e9:.0f} GB are free in {folder}.")


def _shown(setting: str) -> str:
    """A setting of PostgreSQL in this session."""
    return str(fetch_rows(load("core/setting"), {"name": setting})[0][0])
