"""`python -m devstack run`: the servers, the database's state, and every process of Photogram, until Ctrl-C."""

import contextlib
import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer
from honcho.process import Popen, Process

from devstack.environment import child_environment
from devstack.ports import configured_port, is_free
from devstack.process import StartFailed, ask_for_death_signal, die_with_parent
from devstack.stack import Stack, running_environment, temporary_stack

ROOT = Path(__file__).resolve().parent.parent
PROCFILE = ROOT / "Procfile"
# Beside the lines of requests, a line for each of their tasks and of the clock's is too much for a terminal.
QUIET = {"worker", "media", "scheduler"}


def run(state: Path) -> int:
    """Returns 0 after Ctrl-C or SIGTERM, 1 when something died and took everything with it."""
    host = os.environ.get("HOST", "127.0.0.1")
    port = configured_port(os.environ, "PORT", "8000")
    if not is_free(port, host):
        raise StartFailed(f"Port {port} is taken; choose another: make run PORT=8001.")
    base = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104  (compared, not bound)
    _announce(f"Starting the servers (state in {state}) ...")
    with Stack(state, os.environ) as stack:
        environment = {"PUBLIC_URL": base} | child_environment(stack.environment)
        _prepare(environment)
        with_demo = _ensure_demo(state, environment)
        threading.Thread(target=_greet, args=(base, environment, with_demo), daemon=True).start()
        return supervise(stack, environment, PROCFILE)


def execute(state: Path, command: list[str], *, prepared: bool = True) -> int:
    """Run a command beside the stack of `state`: the one that runs there, or one for the duration."""
    if joined := running_environment(state):
        return _call(command, child_environment(joined))
    with Stack(state, os.environ) as stack:
        environment = child_environment(stack.environment)
        if prepared:
            _prepare(environment)
        return _call(command, environment)


def execute_fresh(command: list[str]) -> int:
    """Run a command beside empty servers."""
    with temporary_stack(os.environ) as stack:
        return _call(command, child_environment(stack.environment))


def _call(command: list[str], environment: dict[str, str]) -> int:
    try:
        return subprocess.run(command, check=False, env=environment, preexec_fn=die_with_parent()).returncode
    except OSError as error:
        raise StartFailed(f"{command[0]}: {error.strerror}.") from error


def _prepare(environment: dict[str, str]) -> None:
    _python(environment | {"LOG_LEVEL": "WARNING"}, "-m", "devstack.prepare")


def _python(environment: dict[str, str], *arguments: str) -> None:
    argv = [sys.executable, *arguments]
    subprocess.run(argv, check=True, cwd=ROOT, env=environment, preexec_fn=die_with_parent())


def _ensure_demo(state: Path, environment: dict[str, str]) -> bool:
    """Made on the first run; what was interrupted is completed by the next."""
    made = state / "demo-loaded"
    if environment.get("DEMO") == "0" or environment.get("PHOTOGRAM_ENV") == "production":
        return made.exists()
    if not made.exists():
        _announce("First run: making demo data (DEMO=0 skips this) ...")
        _python(environment, "manage.py", "demo_data", "--size", "small")
        made.touch()
    return True


class Child(Process):  # type: ignore[misc]  # honcho has no types
    """honcho watches each command from a process of its own; neither outlives the supervisor."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        ask_for_death_signal(signal.SIGKILL)
        die = die_with_parent(signal.SIGQUIT)

        def quit_with_parent() -> None:
            # gunicorn and Celery leave at once, children first. Background jobs of a shell inherit it ignored.
            signal.signal(signal.SIGQUIT, signal.SIG_DFL)
            die()

        self._child_ctor = functools.partial(Popen, preexec_fn=quit_with_parent)
        super().run(events, ignore_signals)


class Processes(Manager):  # type: ignore[misc]  # honcho has no types
    """The Procfile's processes; `died` names those that ended first, unasked."""

    def __init__(self) -> None:
        super().__init__(Printer(sys.stdout))
        self._process_ctor = Child
        self.died: list[str] = []

    def loop(self) -> None:
        try:
            super().loop()
        finally:
            # Left early when the terminal has gone and nothing can be printed any more.
            for process in multiprocessing.active_children():
                process.kill()

    def terminate(self) -> None:
        if not self._terminating:
            self.died += [name for name, process in self._processes.items() if "returncode" in process]
        super().terminate()

    def _system_print(self, data: str) -> None:
        """honcho tells of a signal in its handler, perhaps in the middle of another line; then it goes untold."""
        with contextlib.suppress(RuntimeError):
            super()._system_print(data)

    def _killall(self, force: bool = False) -> None:
        """Once every process has told its number, which honcho takes for granted."""
        if self._all_started():
            super()._killall(force)
        else:
            threading.Timer(0.1, self._killall, [force]).start()


def supervise(stack: Stack, environment: dict[str, str], procfile: Path) -> int:
    """Run the Procfile's processes until Ctrl-C or SIGTERM (0), or until one of them or a server dies (1)."""
    processes = Processes()
    for name, command in parse_procfile(procfile.read_text()).processes.items():
        level = {"LOG_LEVEL": "WARNING"} if name in QUIET else {}
        # Signals must reach the program itself and not a shell around it.
        processes.add_process(name, f"exec env {command}", env=level | environment, cwd=str(ROOT))
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    threading.Thread(target=_watch_servers, args=(stack, processes.died), daemon=True).start()
    processes.loop()
    if not processes.died:
        return 0
    _announce(f"{', '.join(processes.died)} died, and everything was stopped. Servers' logs: {stack.state / 'logs'}")
    return 1


def _watch_servers(stack: Stack, died: list[str]) -> None:
    """A server that dies takes everything with it: half a stack only misleads."""
    while not (dead := stack.dead()):
        time.sleep(0.5)
    died += dead
    os.kill(os.getpid(), signal.SIGTERM)


def _greet(base: str, environment: dict[str, str], with_demo: bool) -> None:
    while not _is_ready(base):
        time.sleep(0.2)
    logins = ""
    if with_demo:
        asked = [sys.executable, "manage.py", "demo_data", "--logins"]
        logins = subprocess.run(asked, check=False, cwd=ROOT, env=environment, capture_output=True, text=True).stdout
    _announce(
        f"\nPhotogram is up.\n"
        f"  API docs   {base}/v1/docs   (or {base}/v1/redoc)\n"
        f"  Schema     {base}/v1/schema\n"
        f"  Admin      {base}/admin/\n"
        f"  Health     {base}/health/ready\n"
        f"  Mails      in this output, by the worker\n"
        f"{logins}\nCtrl-C stops everything."
    )


def _is_ready(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/health/ready", timeout=5) as answer:  # noqa: S310  (our own server)
            return bool(answer.status == 200)
    except OSError:
        return False


def _announce(text: str) -> None:
    print(text, flush=True)
