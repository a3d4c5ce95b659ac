"""`python -m devstack run`: the servers, the database's state, and every process of Photogram, until Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from honcho.manager import Manager
from honcho.printer import Printer

from devstack.stack import Stack

ROOT = Path(__file__).resolve().parent.parent
PROCFILE = ROOT / "Procfile"


def run(state: Path) -> int:
    """Returns the exit code: 0 after Ctrl-C or SIGTERM, otherwise that of whatever died first."""
    _announce(f"Starting the servers (state in {state}) ...")
    with Stack(state, os.environ) as stack:
        environment = os.environ | stack.environment | {"PYTHONUNBUFFERED": "1"}
        note = state / "running.json"
        note.write_text(json.dumps({"pid": os.getpid(), "environment": stack.environment}))
        note.chmod(0o600)
        try:
            _prepare(state, environment)
            return _supervise(stack, environment)
        finally:
            note.unlink(missing_ok=True)


def _prepare(state: Path, environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-m", "devstack.prepare"], check=True, cwd=ROOT, env=environment)
    loaded = state / "demo-loaded"
    if os.environ.get("DEMO", "1") != "0" and not loaded.exists():
        _announce("First run: making demo data (DEMO=0 skips this) ...")
        subprocess.run(
            [sys.executable, "manage.py", "demo_data", "--size", "small"], check=True, cwd=ROOT, env=environment
        )
        loaded.touch()


def _supervise(stack: Stack, environment: dict[str, str]) -> int:
    manager = Manager(Printer(sys.stdout))
    for line in PROCFILE.read_text().splitlines():
        name, _, command = line.partition(":")
        if command.strip() and not line.startswith("#"):
            manager.add_process(name.strip(), command.strip(), env=environment, cwd=str(ROOT), quiet=False)
    threading.Thread(target=_watch_servers, args=(stack,), daemon=True).start()
    threading.Thread(target=_greet, args=(environment,), daemon=True).start()
    manager.loop()
    return int(manager.returncode or 0)


def _watch_servers(stack: Stack) -> None:
    """A server that dies takes everything with it, by name: half a stack only misleads."""
    while not (dead := stack.dead()):
        time.sleep(1)
    _announce(f"{', '.join(dead)} died; stopping. See the logs under {stack.state / 'logs'}.")
    os.kill(os.getpid(), signal.SIGTERM)


def _greet(environment: dict[str, str]) -> None:
    base = f"http://{environment.get('HOST', '127.0.0.1')}:{environment.get('PORT', '8000')}"
    while not _is_ready(base):
        time.sleep(0.2)
    logins = ""
    if environment.get("DEMO", "1") != "0":
        asked = [sys.executable, "manage.py", "demo_data", "--logins"]
        logins = subprocess.run(asked, check=False, cwd=ROOT, env=environment, capture_output=True, text=True).stdout
    _announce(
        f"\nPhotogram is up.\n"
        f"  API docs   {base}/api/v1/docs   (or {base}/api/v1/redoc)\n"
        f"  Schema     {base}/api/v1/schema\n"
        f"  Admin      {base}/admin/\n"
        f"  Health     {base}/health/ready\n"
        f"  Mails      in this output, by the worker\n"
        f"{logins}\nCtrl-C stops everything."
    )


def _is_ready(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/health/ready", timeout=5) as answer:  # noqa: S310  (our own server)
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def execute(state: Path, command: list[str]) -> int:
    """Run a command beside the stack of `state`: the one that runs there, or one for the duration."""
    if joined := _running_environment(state):
        return subprocess.run(command, check=False, cwd=ROOT, env=os.environ | joined).returncode
    with Stack(state, os.environ) as stack:
        environment = os.environ | stack.environment
        if "manage.py" in command:
            prepare = [sys.executable, "-m", "devstack.prepare"]
            subprocess.run(prepare, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        return subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode


def _running_environment(state: Path) -> dict[str, str] | None:
    note = state / "running.json"
    if not note.exists():
        return None
    running = json.loads(note.read_text())
    try:
        os.kill(running["pid"], 0)
    except ProcessLookupError:
        return None
    environment: dict[str, str] = running["environment"]
    return environment


def stop_on_sigterm(number: int, frame: FrameType | None) -> None:
    """While honcho is not yet there to handle it: leave through the context managers."""
    raise SystemExit(128 + number)


def _announce(text: str) -> None:
    print(text, flush=True)
