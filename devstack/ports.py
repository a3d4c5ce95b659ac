"""Ports: chosen free, remembered between runs, configurable."""

import json
import os
import random
import socket
from pathlib import Path


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Ports:
    """Free ports by name for one state folder: those of the last run where they are still free."""

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        self.known: dict[str, int] = json.loads(memory.read_text()) if memory.exists() else {}

    def take(self, name: str, *, companion: int = 0) -> int:
        """The port configured as `<NAME>_PORT`, or last time's, or any free one; `port + companion` is free, too."""
        if configured := os.environ.get(f"{name.upper()}_PORT"):
            return int(configured)
        candidates = [self.known[name]] if name in self.known else []
        # Below the range from which the system hands out ports to outgoing connections.
        candidates += random.Random().sample(range(12_000, 22_000), 200)
        taken = {port for other, port in self.known.items() if other != name}
        for port in candidates:
            near = {port, port + companion}
            if not near & (taken | {t + 10_000 for t in taken}) and all(map(is_free, near)):
                self.known[name] = port
                self.memory.write_text(json.dumps(self.known))
                return port
        raise RuntimeError("No free port between 12000 and 22000.")
