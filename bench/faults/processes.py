"""The Procfile's processes under a supervisor that starts again what died, a second later, as systemd would."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from honcho.environ import parse_procfile

from devstack.process import children, die_with_parent

ROOT = Path(__file__).resolve().parents[2]
RESTART_AFTER = 1.0  # seconds


class Processes:
    """`running` has what runs, by its name in the Procfile."""

    def __init__(self, environment: dict[str, str], logs: Path, *, extra: dict[str, str]) -> None:
        """`extra`: arguments that a process gets on top of the Procfile's."""
        commands = parse_procfile((ROOT / "Procfile").read_text()).processes
        self.commands = {name: f"{command} {extra.get(name, '')}" for name, command in commands.items()}
        self.environment = environment
        self.logs = logs
        self.logs.mkdir()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.started: dict[str, int] = dict.fromkeys(self.commands, 0)
        self._stopping = threading.Event()
        # Children die with the thread that started them, so one thread starts them all, and lives as long as we do.
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    def _supervise(self) -> None:
        due = dict.fromkeys(self.commands, 0.0)
        while not self._stopping.wait(0.05):
            for name in self.commands:
                process = self.running.get(name)
                if process is None or process.poll() is not None:
                    if name in self.running:
                        del self.running[name]
                        due[name] = time.monotonic() + RESTART_AFTER
                    if time.monotonic() >= due[name]:
                        self.running[name] = self._start(name)
                        self.started[name] += 1

    def _start(self, name: str) -> "subprocess.Popen[bytes]":
        with (self.logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", f"exec env {self.commands[name]}"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGQUIT),
            )

    def send(self, name: str, number: int) -> bool:
        """To the process itself, if it runs."""
        process = self.running.get(name)
        if process is None or process.poll() is not None:
            return False
        process.send_signal(number)
        return True

    def child_of(self, name: str) -> int | None:
        """One of its children: a worker of gunicorn, a process of Celery's pool. The youngest, for the first may be
        a helper."""
        process = self.running.get(name)
        found = children(process.pid) if process else []
        return found[-1] if found else None

    def restart(self, name: str, *, seconds: float = 60) -> bool:
        """Ask it to end, and wait until its successor runs; False when it did not end in time."""
        before = self.started[name]
        self.send(name, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.started[name] == before:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def stop(self) -> None:
        self._stopping.set()
        self._supervisor.join()
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
