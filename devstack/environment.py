"""The environment of child processes."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.binaries import installed_programs


def search_path() -> str:
    """PATH with the programs of the virtual environment and of PostgreSQL first."""
    programs = [Path(sys.executable).parent, installed_programs()]
    return os.pathsep.join([*map(str, programs), os.environ.get("PATH", os.defpath)])


def child_environment(added: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process with additions."""
    return {**os.environ, **added, "PATH": search_path(), "PYTHONUNBUFFERED": "1"}
