"""`devstack/bootstrap.sh` installs a lock file with uv, and with pip where uv is missing or fails."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "devstack" / "bootstrap.sh"
pytestmark = pytest.mark.slow
METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with a lock file that names one package, which pip finds beside it and not on the network."""
    files = {"tiny.py": "NAME = 'tiny'\n", "tiny-1.0.dist-info/METADATA": METADATA, "tiny-1.0.dist-info/WHEEL": WHEEL}
    record = "".join(f"{name},sha256={_record_hash(text)},{len(text)}\n" for name, text in files.items())
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, "tiny-1.0.dist-info/RECORD": f"{record}tiny-1.0.dist-info/RECORD,,\n"}.items():
            archive.writestr(name, text)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "lock.txt").write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
    return tmp_path


def _record_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def bootstrap(checkout: Path, *, uv: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the script with `uv`, a shell script, first in PATH."""
    programs = checkout / "bin"
    programs.mkdir(exist_ok=True)
    if uv is not None:
        (programs / "uv").write_text(f"#!/bin/sh\n{uv}\n")
        (programs / "uv").chmod(0o755)
    environment = {
        "PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "HOME": str(checkout),
        "PYTHON": sys.executable,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(checkout),
    }
    return subprocess.run(
        [SCRIPT, "lock.txt"], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


def installed_name(checkout: Path) -> str:
    argv = [checkout / ".venv" / "bin" / "python", "-c", "import tiny; print(tiny.NAME)"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    "uv",
    [
        pytest.param("exit 1", id="fails at once"),
        pytest.param(
            f'case "$1" in --version) ;; venv) {sys.executable} -m venv --without-pip .venv ;; *) exit 2 ;; esac',
            id="makes an environment and cannot install",
        ),
    ],
)
def test_pip_installs_if_uv_fails(checkout: Path, uv: str) -> None:
    done = bootstrap(checkout, uv=uv)
    assert done.returncode == 0, done.stderr
    assert installed_name(checkout) == "tiny"


def test_pip_installs_if_uv_is_missing(checkout: Path) -> None:
    done = bootstrap(checkout)
    assert done.returncode == 0, done.stderr
    assert installed_name(checkout) == "tiny"


def test_pip_is_not_used_if_uv_works(checkout: Path) -> None:
    done = bootstrap(checkout, uv=f'[ "$1" = venv ] && {sys.executable} -m venv --without-pip .venv; echo "$@" >> log')
    assert done.returncode == 0, done.stderr
    assert "pip install" in (checkout / "log").read_text()
    assert "uv is missing or failed" not in done.stdout


def test_package_with_another_hash_is_refused(checkout: Path) -> None:
    (checkout / "lock.txt").write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    assert bootstrap(checkout, uv="exit 1").returncode != 0
