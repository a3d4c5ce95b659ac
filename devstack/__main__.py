"""`python -m devstack run`, `exec -- COMMAND …` and `freeze SERVER`; see `make help`."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from devstack import stack, supervisor
from devstack.process import StartFailed


def main() -> int:
    parser = argparse.ArgumentParser(prog="devstack", description="The embedded servers, and what runs on them.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("run", help="start everything; state is kept in STATE_DIR")
    execute = actions.add_parser("exec", help="run one command with the servers up")
    execute.add_argument("--fresh", action="store_true", help="on empty servers that are thrown away afterwards")
    execute.add_argument(
        "--bare", action="store_true", help="on servers as they are, empty ones too: nothing is migrated"
    )
    execute.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND …")
    freeze = actions.add_parser("freeze", help="let one server of the running stack hang for a while")
    freeze.add_argument("server", help="postgresql, valkey or seaweedfs")
    freeze.add_argument("--seconds", type=float, default=30)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    state = Path(os.environ.get("STATE_DIR") or ".state").resolve()
    try:
        if arguments.action == "run":
            return supervisor.run(state)
        if arguments.action == "freeze":
            stack.freeze(state, arguments.server, arguments.seconds)
            return 0
        command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
        if not command:
            execute.error("which command?")
        if arguments.fresh:
            return supervisor.execute_fresh(command)
        return supervisor.execute(state, command, prepared=not arguments.bare)
    except StartFailed as failure:
        print(failure, file=sys.stderr)
    except subprocess.CalledProcessError as failure:
        print(f"Failed: {' '.join(failure.cmd[1:])}", file=sys.stderr)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 1


def _leave(number: int, frame: FrameType | None) -> None:
    """Through the context managers, which stop the servers."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
