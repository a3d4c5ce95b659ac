"""PostgreSQL, Valkey and SeaweedFS that can be killed, frozen and started again on the same port and state."""

import os
import shutil
import signal
import time
from contextlib import AbstractContextManager
from pathlib import Path

import redis

from devstack.ports import Ports
from devstack.postgres import Postgres
from devstack.process import frozen
from devstack.seaweedfs import SeaweedFS
from devstack.valkey import Valkey


class Servers:
    """All three, durable, under one folder. Start them from the main thread only: they die with the thread that did."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        self.storage = SeaweedFS(state, self._ports(), lock=self._lock)
        self.valkey = Valkey(state, self._ports(), durable=True, lock=self._lock)
        self.postgres = Postgres(state, self._ports(), durable=True, lock=self._lock)
        for server in (self.storage, self.valkey, self.postgres):
            server.wait()

    def _ports(self) -> Ports:
        return Ports(self.state / "ports.json", {})

    def stop(self) -> None:
        for server in (self.storage, self.valkey, self.postgres):
            server.stop()
        os.close(self._lock)

    # ── PostgreSQL ──
    def stop_postgres_at_once(self) -> None:
        """Its immediate shutdown: sessions are cut, and what was committed is found in the log at the next start."""
        self.postgres.server.process.send_signal(signal.SIGQUIT)
        self.postgres.server.process.wait(30)

    def start_postgres(self) -> None:
        self.postgres = Postgres(self.state, self._ports(), durable=True, lock=self._lock)
        self.postgres.wait()

    # ── Valkey: cache and broker ──
    def kill_valkey(self) -> None:
        self.valkey.server.process.kill()
        self.valkey.server.process.wait()

    def start_valkey(self) -> None:
        self.valkey = Valkey(self.state, self._ports(), durable=True, lock=self._lock)
        self.valkey.wait()

    def frozen_valkey(self) -> AbstractContextManager[None]:
        return frozen(self.valkey.server.process.pid)

    def flush_valkey(self) -> None:
        with redis.Redis(port=self.valkey.port) as client:
            client.flushall()

    def snapshot_valkey(self) -> Path:
        """A copy of what it keeps on disk, as of now."""
        with redis.Redis(port=self.valkey.port) as client:
            # So that the log is whole on disk: it is written once a second.
            client.config_set("appendfsync", "always")
            client.ping()
        time.sleep(0.2)
        copy = self.state / "valkey.snapshot"
        shutil.rmtree(copy, ignore_errors=True)
        return Path(shutil.copytree(self.state / "valkey", copy))

    def restore_valkey(self, snapshot: Path) -> None:
        """In place of what it has now; it must be dead."""
        shutil.rmtree(self.state / "valkey")
        shutil.copytree(snapshot, self.state / "valkey")
        self.start_valkey()
