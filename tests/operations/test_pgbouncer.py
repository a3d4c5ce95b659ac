"""Photogram behind a real PgBouncer in transaction mode."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from devstack.ports import free_port
from devstack.process import die_with_parent
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
# Debian keeps it where only root's PATH leads.
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SESSIONS = 2
NOBODY = 65534
GUIDE = ROOT / "docs" / "operations.md"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PGBOUNCER is None and os.environ.get("CI") != "true", reason="needs PgBouncer: apt-get install pgbouncer"
    ),
]
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
"""


@pytest.fixture
def role() -> Iterator[tuple[str, str]]:
    """(name, password) of a plain role with a database of its own and what docs/operations.md sets for it."""
    name, password = f"pooled_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}", secrets.token_hex(16)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
        wanted = re.findall(r"^ALTER ROLE photogram (SET .*);$", GUIDE.read_text(), re.MULTILINE)
        assert len(wanted) == 5
        for setting in wanted:
            server.execute(f"ALTER ROLE {name} {setting}")
        server.execute(f"CREATE DATABASE {name} OWNER {name}")
        yield name, password
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.execute(f"DROP ROLE {name}")


@pytest.fixture
def pooled_url(role: tuple[str, str]) -> Iterator[str]:
    assert PGBOUNCER, "apt-get install pgbouncer"
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as folder:
        yield from _pooled(Path(folder), *role)


def _pooled(folder: Path, name: str, password: str) -> Iterator[str]:
    port = free_port()
    users, configuration = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{name}" "{password}"\n')
    server = urlsplit(os.environ["DATABASE_URL"]).port
    configuration.write_text(CONFIGURATION.format(server=server, port=port, users=users, sessions=SESSIONS))
    if os.geteuid() == 0:
        for path in (folder, users, configuration):
            os.chown(path, NOBODY, NOBODY)
    # It refuses to run as root.
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*nobody, PGBOUNCER, str(configuration)],
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(),
        )
    try:
        url = f"postgresql://{name}:{password}@127.0.0.1:{port}/{name}"
        eventually(
            lambda: _answers(url), 20, despite=psycopg.OperationalError, otherwise=lambda: (folder / "log").read_text()
        )
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    with psycopg.connect(url, connect_timeout=2) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_everything_works_behind_pgbouncer_in_transaction_mode(pooled_url: str) -> None:
    environment = os.environ | {
        "PHOTOGRAM_ENV": "development",
        "DATABASE_URL": pooled_url,
        "DATABASE_BEHIND_PGBOUNCER": "on",
        "RATE_LIMITS": "off",
        "LOG_LEVEL": "ERROR",
        "PYTEST_XDIST_WORKER": f"pooled-{os.environ.get('PYTEST_XDIST_WORKER', '')}",
    }
    script = [sys.executable, "-m", "tests.operations.pgbouncer_client"]
    done = subprocess.run(script, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert result["people"] == 12
    assert result["done"] == list(range(1, 12))
    assert result["seen"] == [11] * 4
    # The role's, in every session, whatever a transaction had set for itself.
    assert result["timeouts"] == ["15s"]
    assert result["exported"] > 1
    assert result["outbox"] >= 12
    assert result["sessions"] == SESSIONS


def test_pgbouncer_refuses_connections_with_options(pooled_url: str) -> None:
    """The setting is not decoration: it says so at once, and not only under load."""
    with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter"):
        psycopg.connect(pooled_url, options="-c statement_timeout=15000", connect_timeout=3)
