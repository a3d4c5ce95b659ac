"""`python -m devstack run`: starts the servers, migrates the database, runs all processes until Ctrl-C."""

import contextlib
import functools
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer
from honcho.process import Popen, Process

from devstack import mail_page
from devstack.environment import child_environment
from devstack.network import lan_address
from devstack.ports import Ports, configured_port, is_free
from devstack.process import StartFailed, ask_for_death_signal, die_with_parent
from devstack.provision import collect_static, ensure_vapid_keys
from devstack.stack import Stack, running_environment, temporary_stack

ROOT = Path(__file__).resolve().parent.parent
PROCFILE = ROOT / "Procfile"
# These processes log warnings only, because a line for each task is too much for a terminal.
QUIET = {"worker", "media", "dispatcher"}
# How long the greeting waits for the tasks that the demo data or the last run have left.
SETTLE_SECONDS = 30


def run(state: Path) -> int:
    """Returns 0 after Ctrl-C or SIGTERM, 1 if a process or server ended unexpectedly."""
    lan = lan_address(os.environ)
    host = os.environ.get("HOST") or lan or "127.0.0.1"
    port = configured_port(os.environ, "PORT", "8000")
    if not is_free(port, host):
        raise StartFailed(f"Port {port} is in use. Choose another one: make run PORT=8001.")
    base = f"http://{lan or ('127.0.0.1' if host == '0.0.0.0' else host)}:{port}"  # noqa: S104  (compared, not bound)
    _announce(f"Starting the servers (data in {state}) ...")
    with Stack(state, os.environ, host=lan or "127.0.0.1") as stack:
        environment = _lan_environment(lan) | {"PUBLIC_URL": base} | child_environment(stack.environment)
        _prepare(environment)
        environment |= collect_static(state, environment) | ensure_vapid_keys(state, environment)
        with_demo = _ensure_demo(state, environment)
        with _mails(state, environment) as mails:
            everything = environment | mails
            threading.Thread(target=_greet, args=(base, everything, with_demo), daemon=True).start()
            return supervise(stack, everything, PROCFILE)


def _lan_environment(lan: str | None) -> dict[str, str]:
    """What a device in the network needs to use the pages."""
    return {"HOST": lan, "ALLOWED_HOSTS": f"localhost,127.0.0.1,[::1],{lan}"} if lan else {}


def execute(state: Path, command: list[str], *, prepared: bool = True, start: bool = True, create: bool = True) -> int:
    """Run a command with the stack of `state`, which is started unless it runs already.

    Raises StartFailed if it does not run and `start` is False, or if it has no data and `create` is False.
    """
    if joined := running_environment(state):
        return _call(command, child_environment(joined))
    if not start:
        raise StartFailed(f"Photogram does not run in {state}. `make run` starts it; STATE_DIR names another folder.")
    if not create and not state.exists() and "DATABASE_URL" not in os.environ:
        raise StartFailed(f"There is no data in {state}. Set STATE_DIR to the folder of an existing stack.")
    with Stack(state, os.environ) as stack:
        environment = child_environment(stack.environment)
        if prepared:
            _prepare(environment)
        return _call(command, environment)


def execute_fresh(command: list[str]) -> int:
    """Run a command with empty servers."""
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
    """Create the demo data unless it is complete. Returns whether it exists."""
    made = state / "demo-loaded"
    if environment.get("DEMO") == "0" or environment.get("PHOTOGRAM_ENV") == "production":
        return made.exists()
    if not made.exists():
        _announce("First run: creating demo data (skip it with DEMO=0) ...")
        _python(environment, "manage.py", "demo_data", "--size", "small")
        made.touch()
    return True


@contextlib.contextmanager
def _mails(state: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Serve a page with the mails. Yields what the processes need to know; nothing if the environment has a way to
    send mails."""
    if {"EMAIL_URL", "EMAIL_BACKEND"} & set(environment) or environment.get("PHOTOGRAM_ENV") == "production":
        yield {}
        return
    folder, port = state / "mails", Ports(state / "ports.json", os.environ).take("mail")
    server = mail_page.serve(folder, port)
    try:
        yield {
            "EMAIL_BACKEND": "devstack.mail_backend.EmailBackend",
            "MAIL_FOLDER": str(folder),
            "MAIL_URL": f"http://127.0.0.1:{port}/",
        }
    finally:
        server.shutdown()
        server.server_close()


class Child(Process):  # type: ignore[misc]  # honcho has no types
    """A process of honcho that watches a command. Both are killed when the supervisor ends: a command may not react to
    another signal, for example while it waits for its last task. Children of gunicorn and Celery end with them."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        ask_for_death_signal(signal.SIGKILL)
        self._child_ctor = functools.partial(Popen, preexec_fn=die_with_parent(signal.SIGKILL))
        super().run(events, ignore_signals)


class Lines(Printer):  # type: ignore[misc]  # honcho has no types
    """Prints `22:03:27 api        GET /v1/feed 200 12 ms, db 3 ms/1`: time and process, and the line as it is."""

    def write(self, message: Message) -> None:
        text = message.data.decode(errors="replace") if isinstance(message.data, bytes) else message.data
        prefix = f"{message.time:%H:%M:%S} {message.name.ljust(self.width)} "
        if self.output.isatty() and message.colour:
            prefix = f"\x1b[{message.colour}m{prefix}\x1b[0m"
        for line in text.splitlines():
            print(prefix + line, file=self.output, flush=True)


class Processes(Manager):  # type: ignore[misc]  # honcho has no types
    """The processes of the Procfile. `died` names those that ended unexpectedly."""

    def __init__(self) -> None:
        super().__init__(Lines(sys.stdout))
        self._process_ctor = Child
        self.died: list[str] = []

    def loop(self) -> None:
        try:
            super().loop()
        finally:
            # After an exception, if the terminal is closed and output fails, processes still run.
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            self._kill_groups()
            for process in multiprocessing.active_children():
                process.kill()

    def _kill_groups(self) -> None:
        """Kill each command with all of its children."""
        for process in self._processes.values():
            if "pid" in process and "returncode" not in process:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process["pid"], signal.SIGKILL)

    def terminate(self) -> None:
        if not self._terminating:
            self.died += [name for name, process in self._processes.items() if "returncode" in process]
        super().terminate()

    def _system_print(self, data: str) -> None:
        """Drop a message that a signal handler prints while another line is being printed."""
        with contextlib.suppress(RuntimeError):
            super()._system_print(data)

    def _killall(self, force: bool = False) -> None:
        """Wait until the ids of all processes are known, which honcho assumes."""
        if self._all_started():
            super()._killall(force)
        else:
            threading.Timer(0.1, self._killall, [force]).start()


def supervise(stack: Stack, environment: dict[str, str], procfile: Path) -> int:
    """Run the processes of the Procfile.

    Returns 0 after Ctrl-C or SIGTERM, 1 after a process or a server has ended unexpectedly.
    """
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
    _announce(
        f"Stopped, because {', '.join(processes.died)} ended unexpectedly. Logs of the servers: {stack.state / 'logs'}"
    )
    return 1


def _watch_servers(stack: Stack, died: list[str]) -> None:
    """Stop everything if a server ends: an incomplete stack would be misleading."""
    while not (dead := stack.dead()):
        time.sleep(0.5)
    died += dead
    os.kill(os.getpid(), signal.SIGTERM)


def _greet(base: str, environment: dict[str, str], with_demo: bool) -> None:
    while not _is_live(base):
        time.sleep(0.2)
    _await_tasks(environment["DATABASE_URL"])
    logins = ""
    if with_demo:
        command = [sys.executable, "manage.py", "demo_data", "--logins"]
        logins = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True).stdout
    _announce(compose_greeting(base, environment, logins))


def compose_greeting(base: str, environment: Mapping[str, str], logins: str) -> str:
    """What `make run` prints at its end. `logins`: what `demo_data --logins` prints, if there is demo data."""
    password = re.search(r"password: (.+)\)", logins)
    first_step = f"sign in as alice / {password[1]}" if password else "join"
    lines = [
        "",
        "Photogram is running.",
        f"  API docs   {base}/v1/docs   (or {base}/v1/redoc)",
        f"  Schema     {base}/v1/schema",
        f"  Console    {base}/admin/",
        f"  Health     {base}/health/ready",
        f"  Mails      {environment.get('MAIL_URL', 'sent as the environment says')}",
        logins,
    ]
    if environment.get("LAN", "0") not in {"", "0"}:
        lines += [
            "Devices in this network can open the address below, and sign in with these passwords. Push messages and",
            "the installation as an app need https, so they work only on this machine without LAN=1.",
            "",
        ]
    return "\n".join([*lines, f"Open {base}/ and {first_step}", "Press Ctrl-C to stop."])


def _is_live(base: str) -> bool:
    """Whether the API responds. `/health/ready` would report heartbeats that are missing because all has just begun."""
    try:
        with urllib.request.urlopen(f"{base}/health/live", timeout=5) as answer:  # noqa: S310  (our own server)
            return bool(answer.status == 200)
    except OSError:
        return False


def _await_tasks(database: str) -> None:
    """Wait until no task is left, so that the greeting is the last that is printed."""
    deadline = time.monotonic() + SETTLE_SECONDS
    with contextlib.suppress(psycopg.Error), psycopg.connect(database, autocommit=True) as connection:
        while time.monotonic() < deadline and connection.execute("SELECT FROM celery_outbox LIMIT 1").rowcount:
            time.sleep(0.2)


def _announce(text: str) -> None:
    print(text, flush=True)
