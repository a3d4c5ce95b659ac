"""What our children find in their environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.binaries import installed_programs


def search_path() -> str:
    """The programs of our virtual environment and of our PostgreSQL first."""
    programs = [Path(sys.executable).parent, installed_programs()]
    return os.pathsep.join([*map(str, programs), os.environ.get("PATH", os.defpath)])


def child_environment(added: Mapping[str, str]) -> dict[str, str]:
    """Ours and what is added."""
    return {**os.environ, **added, "PATH": search_path(), "PYTHONUNBUFFERED": "1"}
