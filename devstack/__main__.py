"""`python -m devstack run` and `python -m devstack exec -- COMMAND …`; see `make help`."""

import argparse
import os
import signal
import sys
from pathlib import Path

from devstack import supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="devstack", description="The embedded servers, and what runs on them.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("run", help="start everything; state is kept in STATE_DIR")
    execute = actions.add_parser("exec", help="run one command with the servers up")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, supervisor.stop_on_sigterm)
    state = Path(os.environ.get("STATE_DIR", ".state")).resolve()
    try:
        if arguments.action == "run":
            return supervisor.run(state)
        return supervisor.execute(state, [part for part in arguments.command if part != "--"])
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
