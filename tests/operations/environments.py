"""An environment for production, and the settings that result from environments."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILLED = {
    "SECRET_KEY": "Zk3vQ9x-7Lr2Tn8Wd5Ys1Hb6Jf4Pm0GcZk3vQ9x-7Lr2Tn8Wd5Ys",
    "JWT_SIGNING_KEY": "q8Wm3Rz7Xk1Vb5Nc9Lp2Td6Gh4Js0Fy-",
    "METRICS_TOKEN": "Hn5Qx8Vc2Mz7Kb1W",
    "S3_ACCESS_KEY_ID": "GK31c2f218a2e44f485b94239e",
    "S3_SECRET_ACCESS_KEY": "b892c0665f0ada8a4755dae98baa3b13",
}


def sourced(file: Path) -> dict[str, str]:
    """The variables of an environment file, as a shell reads it."""
    argv = ["sh", "-c", 'set -a; . "$0"; exec env -0', str(file)]
    output = subprocess.run(argv, env={}, capture_output=True, text=True, check=True).stdout
    variables = dict(variable.split("=", 1) for variable in output.split("\0") if variable)
    return {name: value for name, value in variables.items() if name not in {"PWD", "OLDPWD", "SHLVL", "_"}}


def documented() -> dict[str, str]:
    """The variables of .env.example, with values for those of the empty ones that must be set."""
    return {name: value or FILLED.get(name, "") for name, value in sourced(ROOT / ".env.example").items()}


def started(*environments: dict[str, str]) -> list[dict[str, str]]:
    """The settings for each environment as text, or {"refused": reason}.

    One process loads all of them, because starting a process is slow.
    """
    program = Path(__file__).with_name("settings_loader.py")
    done = subprocess.run(
        [sys.executable, str(program)],
        input=json.dumps(environments),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
    )
    answers: list[dict[str, str]] = json.loads(done.stdout)
    return answers
