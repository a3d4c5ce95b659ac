"""The servers that the environment does not name, and the environment that names them all."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from devstack.ports import Ports
from devstack.postgres import Postgres
from devstack.process import Server
from devstack.seaweedfs import SeaweedFS
from devstack.valkey import Valkey


class Running(Protocol):
    server: Server

    def wait(self) -> None: ...

    def stop(self) -> None: ...


class Stack:
    """A context manager: servers up on entry, down on exit, their state under one folder.

    `durable=False` is for tests: nothing needs to survive, so nothing waits for a disk.
    """

    def __init__(self, state: Path, environ: Mapping[str, str], *, durable: bool = True) -> None:
        self.state = state.resolve()
        self.named = environ
        self.durable = durable
        self.running: list[Running] = []
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.state.mkdir(parents=True, exist_ok=True)
        ports = Ports(self.state / "ports.json")
        try:
            self._start(ports)
            # All have been started; they come up side by side.
            for each in self.running:
                each.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, ports: Ports) -> None:
        if "DATABASE_URL" not in self.named:
            postgres = Postgres(self.state, ports, durable=self.durable)
            self.running.append(postgres)
            self.environment["DATABASE_URL"] = postgres.url
        unnamed = {n: db for n, db in {"REDIS_URL": 0, "CELERY_BROKER_URL": 1}.items() if n not in self.named}
        if unnamed:
            valkey = Valkey(self.state, ports, durable=self.durable)
            self.running.append(valkey)
            self.environment |= {name: valkey.url(database) for name, database in unnamed.items()}
        if "S3_ENDPOINT_URL" not in self.named:
            bucket = self.named.get("S3_PUBLIC_BUCKET", "photogram-public")
            storage = SeaweedFS(self.state, ports, public_bucket=bucket)
            self.running.append(storage)
            self.environment |= {
                "S3_ENDPOINT_URL": storage.url,
                "S3_ACCESS_KEY_ID": storage.access_key,
                "S3_SECRET_ACCESS_KEY": storage.secret_key,
                "S3_PUBLIC_BUCKET": bucket,
                "MEDIA_CDN_URL": f"{storage.url}/{bucket}",
            }

    def stop(self) -> None:
        while self.running:
            self.running.pop().stop()

    def dead(self) -> list[str]:
        """The names of servers that have died."""
        return [each.server.name for each in self.running if each.server.process.poll() is not None]
