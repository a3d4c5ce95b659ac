"""System checks of settings, PostgreSQL, Redis, the broker, mail, jobs and this machine."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.core.checks import CheckMessage, Error, Info, Warning
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.core.db.queries import fetch_rows, load
from apps.core.ops import addresses, broker, health, installation, processes
from apps.core.ops.health import State
from apps.core.ops.installation import host_of
from apps.core.tasks import backlog

MAX_CLOCK_DIFFERENCE = 2.0  # seconds
MIN_POSTGRES, MIN_REDIS = 15, (6, 2)
EXTENSIONS = {"pg_trgm", "unaccent"}
# A task that waits for longer is reported, in seconds.
LATE_AFTER = 300
MIN_FREE_BYTES = 1_000_000_000
# Connections of a process that has no threads that answer requests.
CONNECTIONS_WITHOUT_POOL = 2


@installation.register(installation.SETTINGS, id="photogram.E100", hint="See docs/operations.md, Settings.")
def check_settings(**_: Any) -> Iterator[CheckMessage]:
    if not settings.PRODUCTION:
        hint = "Set PHOTOGRAM_ENV=production where real people are served; unsafe values are then refused."
        yield Warning(f"PHOTOGRAM_ENV is {settings.ENVIRONMENT}.", hint=hint, id="photogram.W101")
    elif "photogram.example" in settings.DEFAULT_FROM_EMAIL:
        hint = "Set it to an address of your own domain."
        yield Warning("DEFAULT_FROM_EMAIL is the address of the example.", hint=hint, id="photogram.W102")


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────
def _database_address() -> str:
    server = settings.DATABASES["default"]
    return f"{server['HOST'] or 'local socket'}:{server['PORT'] or 5432}"


@installation.register(
    "database",
    id="photogram.E110",
    hint="Check that PostgreSQL is running and that DATABASE_URL is right. The log of PostgreSQL may say more.",
    address=_database_address,
)
def check_database(**_: Any) -> Iterator[CheckMessage]:
    before = time.time()
    ((clock, version),) = fetch_rows(load("core/server"), {})
    version = version.split(" on ")[0]
    difference = float(clock) - (before + time.time()) / 2
    if abs(difference) > MAX_CLOCK_DIFFERENCE:
        msg = f"The clock of the database server differs from the clock of this machine by {difference:+.1f} s."
        hint = "Synchronise both clocks with NTP: leases and ids compare times of both."
        yield Error(msg, hint=hint, id="photogram.E111")
    if connection.get_database_version() < (MIN_POSTGRES,):
        hint = f"Photogram needs PostgreSQL {MIN_POSTGRES} or newer."
        yield Error(f"{version} is too old.", hint=hint, id="photogram.E112")
    if (encoding := _setting("server_encoding")) != "UTF8":
        hint = "Create a database with ENCODING 'UTF8' and restore a backup into it."
        yield Error(f"The encoding of the database is {encoding}.", hint=hint, id="photogram.E113")
    if missing := EXTENSIONS - {name for (name,) in fetch_rows(load("core/extensions"), {})}:
        msg = f"Extensions are not installed: {', '.join(sorted(missing))}."
        yield Error(msg, hint="Run manage.py migrate as the owner of the database.", id="photogram.E114")
    yield from _check_migrations()
    yield from _check_indexes()
    yield from _check_durability()
    yield from _check_timeouts()
    yield from _check_connections()
    yield Info(f"{version}, clock difference {difference * 1000:+.0f} ms.", id="photogram.I110")


def _check_migrations() -> Iterator[CheckMessage]:
    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan[:5])
        msg = f"{len(plan)} migrations are not applied: {names}{', …' if len(plan) > 5 else ''}"
        yield Error(msg, hint="Run manage.py migrate.", id="photogram.E115")
    replaced = {key for migration in executor.loader.disk_migrations.values() for key in migration.replaces}
    known = set(executor.loader.graph.nodes) | replaced
    ours = {config.label for config in apps.get_app_configs()}
    newer = [key for key in executor.loader.applied_migrations if key not in known and key[0] in ours]
    if newer:
        msg = f"The database has a migration that this release does not contain: {'.'.join(newer[0])}."
        hint = (
            "This release is older than the schema. It works with the schema of the next release, not with later ones."
        )
        yield Warning(msg, hint=hint, id="photogram.W116")


def _check_indexes() -> Iterator[CheckMessage]:
    for (name,) in fetch_rows(load("core/invalid_indexes"), {}):
        msg = f"The index {name} is not valid: its build failed, or is not finished."
        hint = f"If no migration runs: REINDEX INDEX CONCURRENTLY {name};"
        yield Warning(msg, hint=hint, id="photogram.W109")


def _check_durability() -> Iterator[CheckMessage]:
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        if _setting(name) == "off":
            msg = f"{name} is off: a crash of the server can lose acknowledged writes."
            yield Error(msg, hint=f"Set {name} = on in postgresql.conf.", id="photogram.E117")


def _check_timeouts() -> Iterator[CheckMessage]:
    """They are options of the connection. PgBouncer passes none on; there, the role must have them."""
    timeouts = {
        "statement_timeout": settings.DATABASE_STATEMENT_TIMEOUT_MS,
        "lock_timeout": settings.DATABASE_LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": settings.DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS,
        "client_connection_check_interval": settings.DATABASE_CLIENT_CHECK_MS,
    }
    for name, milliseconds in timeouts.items():
        if milliseconds and _setting(name) == "0":
            role = settings.DATABASES["default"]["USER"]
            hint = f"Run ALTER ROLE {role} SET {name} = '{milliseconds}ms'; and connect again."
            yield Error(f"{name} is not set.", hint=hint, id="photogram.E118")


def _check_connections() -> Iterator[CheckMessage]:
    limit, reserved = (int(_setting(name)) for name in ("max_connections", "superuser_reserved_connections"))
    pool = settings.DATABASES["default"]["OPTIONS"].get("pool")
    if settings.DATABASE_BEHIND_PGBOUNCER or not pool:
        return
    total = sum(
        pool["max_size"] if process.kind == "api" else CONNECTIONS_WITHOUT_POOL for process in processes.running()
    )
    if total > limit - reserved:
        msg = f"The processes on this machine may open {total} connections; the server accepts {limit - reserved}."
        hint = "Lower DATABASE_POOL_MAX, raise max_connections, or use PgBouncer (docs/operations.md)."
        yield Warning(msg, hint=hint, id="photogram.W119")


def _setting(name: str) -> str:
    """The value of a setting of PostgreSQL in this session."""
    return str(fetch_rows(load("core/setting"), {"name": name})[0][0])


# ── Redis and the broker ─────────────────────────────────────────────────────────────────────────────────
@installation.register(
    "cache",
    id="photogram.E120",
    hint="Check that Redis is running and that REDIS_URL is right. Without it everything works, slower.",
    address=lambda: host_of(settings.REDIS_URL),
)
def check_cache(**_: Any) -> Iterator[CheckMessage]:
    yield from _check_redis(settings.REDIS_URL, has_queues=False)


@installation.register(
    "broker",
    id="photogram.E130",
    hint="Check that the broker is running and that CELERY_BROKER_URL is right. Tasks wait in the database.",
    address=lambda: host_of(settings.CELERY_BROKER_URL),
)
def check_broker(**_: Any) -> Iterator[CheckMessage]:
    url = settings.CELERY_BROKER_URL
    if not broker.is_redis():
        broker.ping()
        yield Info(f"{host_of(url) or urlsplit(url).scheme} answers.", id="photogram.I130")
    elif host_of(url) == host_of(settings.REDIS_URL) and health.probe("cache")["cache"].state is State.DOWN:
        yield Info(
            f"Not checked: {health.root_fault('cache', {})}, and the broker is on the same server.",
            id=installation.NOT_CHECKED,
        )
    else:
        yield from _check_redis(url, has_queues=True)


def _check_redis(url: str, *, has_queues: bool) -> Iterator[CheckMessage]:
    with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
        info: Any = client.info()
        started = time.perf_counter()
        client.ping()
        latency = time.perf_counter() - started
    name, version = info.get("server_name", "redis"), info.get("valkey_version") or info["redis_version"]
    policy = info.get("maxmemory_policy", "noeviction")
    if tuple(int(part) for part in info["redis_version"].split(".")[:2]) < MIN_REDIS:
        hint = f"Photogram needs Valkey, or Redis {'.'.join(map(str, MIN_REDIS))} or newer."
        yield Error(f"{name} {version} is too old.", hint=hint, id="photogram.E121")
    if has_queues and policy.startswith("allkeys"):
        msg = f"maxmemory-policy is {policy}: when the memory is full, tasks are evicted."
        hint = "Run CONFIG SET maxmemory-policy volatile-lru: cached values have a lifetime, queues have none."
        yield Error(msg, hint=hint, id="photogram.E131")
    if has_queues and not info["aof_enabled"]:
        lease = settings.TASK_LEASE.total_seconds()
        hint = f"Start it with --appendonly yes. No task is lost without it, but tasks run up to {lease:.0f} s later."
        yield Warning("The queues do not survive a restart of the broker.", hint=hint, id="photogram.W132")
    if latency > settings.REDIS_TIMEOUT_SECONDS / 5:
        hint = "Check the network, and SLOWLOG GET for slow commands."
        yield Warning(f"A command takes {latency * 1000:.0f} ms.", hint=hint, id="photogram.W122")
    msg = f"{name} {version}, {latency * 1000:.1f} ms, {info['used_memory_human']} used, {policy}."
    yield Info(msg, id="photogram.I130" if has_queues else "photogram.I120")


# ── Mail ─────────────────────────────────────────────────────────────────────────────────────────────────
def _mail_address() -> str:
    return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"


@installation.register(
    "mail",
    id="photogram.E140",
    hint="Check EMAIL_URL, and that the mail server accepts connections from this machine.",
    address=_mail_address,
)
def check_mail(**_: Any) -> Iterator[CheckMessage]:
    """Connects and signs in. Sends nothing."""
    backend = mail.get_connection()
    opened = backend.open()
    backend.close()
    yield Info(f"{_mail_address() if opened else settings.EMAIL_BACKEND} accepts mails.", id="photogram.I140")


# ── Jobs ─────────────────────────────────────────────────────────────────────────────────────────────────
PROCESS_HINTS = {
    "scheduler": "Start it: config/deploy/start dispatcher. Its log says why it ended.",
    "relay": "Start it: config/deploy/start dispatcher. Its log says why it ended.",
    "workers": "Start it: config/deploy/start with its name. Its log says why it ended.",
}
QUEUE_HINT = "No probe has passed scheduler, relay, broker and worker. Does a worker consume this queue?"


@installation.register("jobs", id="photogram.E150", hint="Heartbeats and tasks are in the database; check it first.")
def check_jobs(**_: Any) -> Iterator[CheckMessage]:
    """Reports causes and not their consequences: without a server or a process, others are silent as well."""
    results = health.probe(*PROCESS_HINTS, *(f"queue_{queue}" for queue in settings.QUEUES))
    down = {name: result.reason for name, result in results.items() if result.state is State.DOWN}
    unknown = [result.reason for result in results.values() if result.state is State.UNKNOWN]
    silent = [name for name in PROCESS_HINTS if name in down]
    for name in silent:
        yield Error(down[name], hint=PROCESS_HINTS[name], id="photogram.E151")
    if not silent and not unknown:
        for name in down:
            yield Error(down[name], hint=QUEUE_HINT, id="photogram.E154")
    if not down.keys() & {"database", "schema"}:
        yield from _check_backlog(is_processed=not silent and not unknown)
    if unknown:
        yield Info(unknown[0], id=installation.NOT_CHECKED)
    else:
        yield Info("Queues, heartbeats and dead letters were checked.", id="photogram.I150")


def _check_backlog(*, is_processed: bool) -> Iterator[CheckMessage]:
    """Late tasks are reported only if all processes run; otherwise their lateness is a consequence."""
    dead_letters = backlog.dead_letters()
    for queue, waiting in backlog.by_queue().items():
        if is_processed and waiting.oldest > LATE_AFTER:
            msg = f"{queue}: {waiting.depth} tasks wait, the oldest for {waiting.oldest:.0f} s."
            hint = "manage.py queue_status shows which. Start more workers for this queue, or fix what fails."
            yield Warning(msg, hint=hint, id="photogram.W152")
        if dead_letters[queue]:
            hint = "manage.py dead_letters list shows why; then retry or drop them."
            yield Warning(f"{queue}: {dead_letters[queue]} tasks were given up.", hint=hint, id="photogram.W153")


# ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────
@installation.register(
    "addresses", id="photogram.E170", hint="They are kept in Redis; check the cache first.", requires=("cache",)
)
def check_addresses(**_: Any) -> Iterator[CheckMessage]:
    """Limits by address do not apply to a request whose client address cannot be read."""
    if text := addresses.last_unreadable():
        msg = f'A client address could not be read within the last day: "{text}".'
        hint = "Let the proxy append the address of the client to X-Forwarded-For, and check TRUSTED_PROXIES."
        yield Warning(msg, hint=hint, id="photogram.W171")
    else:
        yield Info("Every client address of the last day could be read.", id="photogram.I170")


# ── This machine ─────────────────────────────────────────────────────────────────────────────────────────
@installation.register(
    "machine", id="photogram.E160", hint="Check that the folder for temporary files exists. TMPDIR names it."
)
def check_machine(**_: Any) -> Iterator[CheckMessage]:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        hint = "Workers process photos there. Make room, or set TMPDIR to another folder."
        yield Warning(f"Only {free / 1e6:.0f} MB are free in {folder}.", hint=hint, id="photogram.W161")
    yield Info(f"{free / 1e9:.0f} GB are free in {folder}.", id="photogram.I160")
