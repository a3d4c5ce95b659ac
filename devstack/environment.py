"""What our children find in their environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack import postgres


def search_path() -> str:
    """The programs of our virtual environment and of our PostgreSQL first."""
    return os.pathsep.join([str(Path(sys.executable).parent), str(postgres.BIN), os.environ.get("PATH", os.defpath)])


def child_environment(added: Mapping[str, str]) -> dict[str, str]:
    """Ours and what is added."""
    return {**os.environ, **added, "PATH": search_path(), "PYTHONUNBUFFERED": "1"}
