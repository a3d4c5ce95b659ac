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
    parser = argparse.ArgumentParser(prog="devstack", description="Run Photogram or a command with embedded servers.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("run", help="start everything; data is kept in STATE_DIR")
    execute = actions.add_parser("exec", help="run a command with the servers")
    execute.add_argument("--fresh", action="store_true", help="with empty servers whose data is deleted afterwards")
    execute.add_argument("--bare", action="store_true", help="do not migrate the database before")
    execute.add_argument("--running", action="store_true", help="only with the running stack; start no servers")
    execute.add_argument("--existing", action="store_true", help="only with existing data; create no new folder")
    execute.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND …")
    freeze = actions.add_parser("freeze", help="pause a server of the running stack")
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
            execute.error("no command given")
        if arguments.fresh:
            return supervisor.execute_fresh(command)
        return supervisor.execute(
            state,
            command,
            prepared=not arguments.bare,
            start=not arguments.running,
            create=not arguments.existing,
        )
    except StartFailed as failure:
        print(failure, file=sys.stderr)
    except subprocess.CalledProcessError as failure:
        print(f"Failed: {' '.join(failure.cmd[1:])}", file=sys.stderr)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 1


def _leave(number: int, frame: FrameType | None) -> None:
    """Leave through the context managers, which stop the servers."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
