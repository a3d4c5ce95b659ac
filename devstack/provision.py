"""What the running stack has beside its servers: collected static files, and keys for push messages."""

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.process import die_with_parent

ROOT = Path(__file__).resolve().parent.parent


def collect_static(state: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Collect the static files in `state` if they have changed. Returns the environment of the processes that serve
    them."""
    folder, stamp = state / "static", state / "static-stamp"
    added = {"STATIC_ROOT": str(folder)}
    if "STATIC_ROOT" in environment:
        return {}
    present = _stamp_of_sources()
    if not stamp.exists() or stamp.read_text() != present:
        _manage({**environment, **added}, "collectstatic", "--noinput", "--clear", "--verbosity=0")
        stamp.write_text(present)
    return added


def _stamp_of_sources() -> str:
    """Changes with every static file, and with the versions of the packages that have some."""
    files = [*(ROOT / "static").rglob("*"), ROOT / "requirements" / "dev.txt", ROOT / "config" / "storage.py"]
    digest = hashlib.sha256()
    for file in sorted(path for path in files if path.is_file()):
        status = file.stat()
        digest.update(f"{file} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()


def ensure_vapid_keys(state: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The key pair for push messages, unless the environment names one. It is kept, because browsers subscribe with
    its public key."""
    if "VAPID_PRIVATE_KEY" in environment:
        return {}
    file = state / "vapid-keys"
    if not file.exists():
        printed = _manage(environment, "make_vapid_keys")
        file.touch(mode=0o600)
        file.write_text(printed)
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def _manage(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a command of Django. Returns what it prints."""
    argv = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        argv, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent()
    )
    return done.stdout
