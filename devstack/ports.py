"""Free ports, which are configurable and stay the same between runs."""

import json
import random
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from devstack.process import StartFailed

# Below the range for outgoing connections, including the companions.
CHOICE = range(12_000, 22_000)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that is free now, for a server that is started at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def configured_port(environ: Mapping[str, str], variable: str, default: str) -> int:
    """Raises StartFailed if the value is not a port number."""
    value = environ.get(variable) or default
    if value.isascii() and value.isdigit() and 0 < int(value) < 65_536:
        return int(value)
    raise StartFailed(f"{variable} must be a port number, not {value!r}.")


class Ports:
    """Ports by name for a state folder: those of the last run if they are still free."""

    def __init__(self, memory: Path, environ: Mapping[str, str]) -> None:
        self.memory = memory
        self.environ = environ
        self.known: dict[str, int] = json.loads(memory.read_text()) if memory.exists() else {}

    def take(self, name: str, *, companion: int = 0, usable: Callable[[int], bool] = lambda port: True) -> int:
        """The port that is configured as `<NAME>_PORT`, or that of the last run, or any that is free and usable.

        `port + companion` is free, too. Raises StartFailed if the configured port is not free.
        """
        variable = f"{name.upper()}_PORT"
        if self.environ.get(variable):
            port = configured_port(self.environ, variable, "")
            if not (self._is_free(port, companion) and usable(port)):
                raise StartFailed(f"Port {port} ({variable}) is in use.")
            return port
        taken = {port for other, port in self.known.items() if other != name}
        candidates = [self.known[name]] if name in self.known else []
        for port in candidates + random.sample(CHOICE, 200):
            if port not in taken and self._is_free(port, companion) and usable(port):
                self.known[name] = port
                self.memory.write_text(json.dumps(self.known))
                return port
        raise StartFailed(f"There is no free port between {CHOICE.start} and {CHOICE.stop}.")

    @staticmethod
    def _is_free(port: int, companion: int) -> bool:
        return is_free(port) and (companion == 0 or is_free(port + companion))
