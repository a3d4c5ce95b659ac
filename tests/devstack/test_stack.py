"""The embedded servers: only those that are not named, one stack to a folder, kept between runs, never left behind."""

import fcntl
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
import redis
import requests
from botocore.client import Config

from devstack.ports import Ports, configured_port, is_free
from devstack.process import StartFailed, frozen
from devstack.seaweedfs import SeaweedFS
from devstack.stack import Stack, freeze, running_environment
from devstack.supervisor import Processes, execute
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.xdist_group("devstack")
NAMED = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "S3_ENDPOINT_URL")}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder with a space in its name, too deep for a socket's path."""
    return tmp_path / "state of things" / ("deep" * 30)


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in NAMED.items() if name not in names}


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def test_commands_for_a_running_stack_start_nothing_elsewhere(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(StartFailed, match="does not run in"):
        execute(state, ["true"], start=False)
    with pytest.raises(StartFailed, match="valkey does not run in"):
        freeze(state, "valkey", 1)
    with pytest.raises(StartFailed, match="There is no data in"):
        execute(state, ["true"], create=False)
    assert not state.exists()


@pytest.mark.slow
class TestServers:
    def test_servers_named_by_the_environment_are_not_started(self, state: Path) -> None:
        with Stack(state, NAMED) as stack:
            assert stack.running == []
            assert stack.environment == {}

    def test_servers_not_named_by_the_environment_are_started(self, state: Path) -> None:
        with Stack(state, without("REDIS_URL"), durable=False) as stack:
            assert set(stack.environment) == {"REDIS_URL"}
            assert redis.Redis.from_url(stack.environment["REDIS_URL"]).ping()

    def test_freeze_pauses_a_server_for_some_seconds(self, state: Path) -> None:
        with Stack(state, without("REDIS_URL"), durable=False) as stack:
            client = redis.Redis.from_url(stack.environment["REDIS_URL"], socket_timeout=0.3)
            hanging = threading.Thread(target=freeze, args=(stack.state, "valkey", 2))
            hanging.start()
            eventually(lambda: not _answers(client), 2)
            hanging.join()
            eventually(lambda: _answers(client))
            with pytest.raises(StartFailed, match="Running servers: valkey"):
                freeze(stack.state, "postgresql", 1)
        with pytest.raises(StartFailed, match="Running servers: none"):
            freeze(stack.state, "valkey", 1)

    def test_freeze_tolerates_children_that_have_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with subprocess.Popen(["sleep", "60"]) as server, subprocess.Popen(["true"]) as child:
            child.wait()
            monkeypatch.setattr("devstack.process.family", lambda number: [number, child.pid])
            try:
                with frozen(server.pid):
                    eventually(lambda: _state(server.pid) == "T")
                eventually(lambda: _state(server.pid) == "S")
            finally:
                server.kill()

    def test_servers_keep_data_and_ports_over_a_restart(self, state: Path) -> None:
        environments, counts = [], []
        for _ in range(2):
            with Stack(state, {}) as stack:
                environments.append(stack.environment)
                counts.append(tuple(write(stack.environment) for write in (_a_row, _a_queued_task, _an_object)))
        assert counts == [(1, 1, 1), (2, 2, 2)]
        assert environments[0] == environments[1]

    def test_postgres_needs_a_password_that_only_the_owner_can_read(self, state: Path) -> None:
        with Stack(state, without("DATABASE_URL"), durable=False) as stack:
            url = stack.environment["DATABASE_URL"]
            secret = url.split("@")[0].rsplit(":")[-1]
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(url.replace(secret, "guessed"))
            for file in ("postgres-password", "running.json"):
                assert (state / file).stat().st_mode & 0o077 == 0

    def test_dead_servers_are_named(self, state: Path) -> None:
        with Stack(state, without("REDIS_URL"), durable=False) as stack:
            assert stack.dead() == []
            stack.running[0].server.process.kill()
            stack.running[0].server.process.wait()
            assert stack.dead() == ["Valkey"]

    def test_start_failure_shows_the_log(self, state: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            with (
                pytest.raises(StartFailed, match=f"Port {port} \\(VALKEY_PORT\\) is in use"),
                Stack(state, without("REDIS_URL") | {"VALKEY_PORT": port}),
            ):
                raise AssertionError("started on a port that is taken")
        with Stack(state, without("REDIS_URL")):
            pass


def _state(pid: int) -> str:
    """S for sleeping, T for stopped, as proc(5) has it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _a_row(environment: dict[str, str]) -> int:
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id serial)")
        connection.execute("INSERT INTO kept DEFAULT VALUES")
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row
    return int(row[0])


def _a_queued_task(environment: dict[str, str]) -> int:
    with redis.Redis.from_url(environment["CELERY_BROKER_URL"]) as queue:
        length: Any = queue.rpush("queue", "x")
    return int(length)


def _an_object(environment: dict[str, str]) -> int:
    storage = _storage(environment)
    if not storage.list_buckets()["Buckets"]:
        storage.create_bucket(Bucket="kept")
    storage.put_object(Bucket="kept", Key=os.urandom(8).hex(), Body=b"x")
    objects = storage.list_objects_v2(Bucket="kept")["Contents"]
    return sum(storage.get_object(Bucket="kept", Key=each["Key"])["Body"].read() == b"x" for each in objects)


def _storage(environment: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=environment["S3_ENDPOINT_URL"],
        aws_access_key_id=environment["S3_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["S3_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
    )


@pytest.mark.slow
class TestOneFolder:
    def test_folder_is_used_by_one_stack_at_a_time(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("devstack.stack.LOCK_TIMEOUT_SECONDS", 0.2)
        with Stack(state, NAMED):
            with pytest.raises(StartFailed, match="already running"), Stack(state, NAMED):
                raise AssertionError("two stacks on one folder")
            with Stack(state / "another", NAMED):
                pass

    def test_command_joins_the_running_stack(self, state: Path) -> None:
        assert running_environment(state) is None
        with Stack(state, without("REDIS_URL"), durable=False) as stack:
            assert running_environment(state) == stack.environment
            joined = subprocess.run(
                [sys.executable, "-m", "devstack", "exec", "--", "sh", "-c", 'echo "$REDIS_URL"; exit 7', "--"],
                cwd=ROOT,
                env={**os.environ, **without("REDIS_URL"), "STATE_DIR": str(state)},
                capture_output=True,
                text=True,
                check=False,
            )
        assert joined.stdout.strip() == stack.environment["REDIS_URL"]
        assert joined.returncode == 7
        assert running_environment(state) is None


class TestPorts:
    def test_used_port_is_not_chosen(self, tmp_path: Path) -> None:
        memory = tmp_path / "ports.json"
        port = Ports(memory, {}).take("thing")
        assert Ports(memory, {}).take("thing") == port
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            taken.listen()
            assert not is_free(port)
            assert Ports(memory, {}).take("thing") != port

    def test_port_with_a_used_companion_is_not_chosen(self, tmp_path: Path) -> None:
        memory = tmp_path / "ports.json"
        port = Ports(memory, {}).take("thing", companion=10_000)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port + 10_000))
            taken.listen()
            assert Ports(memory, {}).take("thing", companion=10_000) != port

    def test_port_can_be_configured(self, tmp_path: Path) -> None:
        assert Ports(tmp_path / "ports.json", {"VALKEY_PORT": "11999"}).take("valkey") == 11_999

    @pytest.mark.parametrize("nonsense", ["http", "0", "65536", "-1", "８０００", "80 00"])
    def test_port_must_be_a_number(self, nonsense: str) -> None:
        with pytest.raises(StartFailed, match="PORT must be a port number"):
            configured_port({"PORT": nonsense}, "PORT", "8000")


class TestStorage:
    @pytest.mark.promise("M5")
    @pytest.mark.slow
    def test_internal_interfaces_of_storage_need_a_key(self, state: Path) -> None:
        with Stack(state, without("S3_ENDPOINT_URL"), durable=False) as stack:
            storage = _storage(stack.environment)
            storage.create_bucket(Bucket="private")
            storage.put_object(Bucket="private", Key="x", Body=b"secret" * 1000)
            [server] = stack.running
            assert isinstance(server, SeaweedFS)
            for part in ("volume", "filer"):
                for path in ("", "buckets/private/x", "buckets/private/?pretty=y"):
                    url = f"http://127.0.0.1:{server.ports[part]}/{path}"
                    assert requests.get(url, timeout=5).status_code == 401, url
            assert storage.get_object(Bucket="private", Key="x")["Body"].read() == b"secret" * 1000

    @pytest.mark.promise("M5")
    def test_private_bucket_is_private(self, settings: Any) -> None:
        base = os.environ["S3_ENDPOINT_URL"]
        _storage(os.environ).put_object(Bucket=settings.S3_PRIVATE_BUCKET, Key="devstack/x", Body=b"x")
        for path in ("", settings.S3_PRIVATE_BUCKET, f"{settings.S3_PRIVATE_BUCKET}/devstack/x"):
            assert requests.get(f"{base}/{path}", timeout=5).status_code == 403

    @pytest.mark.promise("M5")
    def test_public_bucket_serves_objects_but_no_listing(self, settings: Any) -> None:
        bucket = f"{os.environ['S3_ENDPOINT_URL']}/{settings.S3_PUBLIC_BUCKET}"
        _storage(os.environ).put_object(Bucket=settings.S3_PUBLIC_BUCKET, Key="devstack/x", Body=b"x")
        assert requests.get(f"{bucket}/devstack/x", timeout=5).content == b"x"
        for listing in ("", "/", "?list-type=2", "?list-type=2&prefix=devstack/", "?versions", "?uploads"):
            assert requests.get(f"{bucket}{listing}", timeout=5).status_code == 403, listing
        folder = requests.get(f"{bucket}/devstack/", timeout=5)
        assert folder.status_code != 200 or folder.content == b""
        assert requests.put(f"{bucket}/devstack/x", data=b"y", timeout=5).status_code == 403
        assert requests.delete(f"{bucket}/devstack/x", timeout=5).status_code == 403
        assert requests.get(f"{bucket}/devstack/x", timeout=5).content == b"x"

    @pytest.mark.promise("M1")
    @pytest.mark.parametrize(
        ("body", "content_type", "status"),
        [
            (b"twelve bytes", "image/jpeg", 200),
            (b"more than twelve bytes", "image/jpeg", 403),
            (b"less", "image/jpeg", 403),
            (b"twelve bytes", "text/html", 403),
            (b"twelve bytes", None, 403),
        ],
    )
    def test_upload_must_match_the_signature(
        self, settings: Any, body: bytes, content_type: str | None, status: int
    ) -> None:
        signed = {"Bucket": settings.S3_PRIVATE_BUCKET, "Key": "devstack/signed", "ContentType": "image/jpeg"}
        url = _storage(os.environ).generate_presigned_url("put_object", Params={**signed, "ContentLength": 12})
        headers = {"Content-Type": content_type} if content_type else {}
        assert requests.put(url, data=body, headers=headers, timeout=5).status_code == status

    def test_browsers_of_any_origin_may_upload(self, settings: Any) -> None:
        asked = {
            "Origin": "https://client.example",
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type",
        }
        url = f"{os.environ['S3_ENDPOINT_URL']}/{settings.S3_PRIVATE_BUCKET}/x"
        answer = requests.options(url, headers=asked, timeout=5)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] in {"*", "https://client.example"}
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        put = requests.put(url, data=b"x", headers={"Origin": "https://client.example"}, timeout=5)
        assert put.status_code == 403
        assert put.headers["Access-Control-Allow-Origin"] in {"*", "https://client.example"}


SUPERVISE = """
import json, os, sys
from pathlib import Path
from devstack.stack import Stack
from devstack.supervisor import supervise
with Stack(Path(sys.argv[1]), json.loads(sys.argv[3]), durable=False) as stack:
    sys.exit(supervise(stack, dict(os.environ), Path(sys.argv[2])))
"""
SLEEPER = """{name}: SOME=thing python -c 'import os, time; print("up", os.getpid(), flush=True); time.sleep(60)'\n"""


STUBBORN = """
import os, signal, time
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
os.fork()
# At once, because two processes write to the same pipe.
os.write(1, b"up %d\\n" % os.getpid())
time.sleep(120)
"""


def as_in_the_background() -> None:
    """What a shell does to a job with `&`."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


class Supervised:
    """A supervisor over Valkey and two processes of its own."""

    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True)
        procfile = state / "Procfile"
        procfile.write_text(SLEEPER.format(name="first") + SLEEPER.format(name="second"))
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, state, procfile, json.dumps(without("REDIS_URL"))],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=as_in_the_background,
        )
        self.pids: dict[str, int] = {}
        self.output: list[str] = []
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if " up " in line:
                self.pids[line.split()[1]] = int(line.split()[-1])
            if len(self.pids) == 2:
                break

    def end(self) -> tuple[int, str]:
        rest, _ = self.process.communicate(timeout=120)
        return self.process.returncode, "".join(self.output) + rest


@pytest.fixture
def supervised(state: Path) -> Supervised:
    return Supervised(state)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text()


def nothing_is_left(supervised: Supervised, state: Path) -> bool:
    """Every process has gone, and with the last server the lock of the folder."""
    try:
        with Stack(state, NAMED):
            return not any(map(is_running, supervised.pids.values()))
    except StartFailed:
        return False


@pytest.mark.slow
class TestASupervisor:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_supervisor_stops_everything_on_sigterm(self, supervised: Supervised, state: Path, number: int) -> None:
        supervised.process.send_signal(number)
        code, _ = supervised.end()
        assert code == 0
        assert nothing_is_left(supervised, state)

    def test_supervisor_stops_on_a_signal_during_output(self) -> None:
        processes, told = Processes(), []

        class Terminal(io.StringIO):
            """The signal comes while it prints, and its handler prints as well."""

            def write(self, line: str) -> int:
                told.append(line)
                if len(told) == 1:
                    processes._system_print("SIGTERM received\n")
                elif len(told) == 2:
                    raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stdout>'>")
                return len(line)

        processes._printer.output = Terminal()
        processes._system_print("first\n")
        assert ["first" in told[0], "SIGTERM" in told[1]] == [True, True]

    def test_supervisor_stops_everything_if_a_process_ends(self, supervised: Supervised, state: Path) -> None:
        os.kill(supervised.pids["second"], signal.SIGKILL)
        code, output = supervised.end()
        assert code == 1
        assert "Stopped, because second ended unexpectedly." in output
        assert nothing_is_left(supervised, state)

    def test_supervisor_stops_everything_if_a_server_ends(self, supervised: Supervised, state: Path) -> None:
        environment = running_environment(state)
        assert environment
        with redis.Redis.from_url(environment["REDIS_URL"]) as valkey:
            server: Any = valkey.info("server")
        os.kill(server["process_id"], signal.SIGKILL)
        code, output = supervised.end()
        assert code == 1
        assert "Stopped, because Valkey ended unexpectedly." in output
        assert nothing_is_left(supervised, state)

    def test_closed_terminal_during_ctrl_c_leaves_no_process(self, state: Path) -> None:
        """Not even of commands that react to no signal, like a worker that waits for its task."""
        state.mkdir(parents=True)
        procfile = state / "Procfile"
        (state / "stubborn.py").write_text(STUBBORN)
        procfile.write_text("".join(f"{name}: python '{state}/stubborn.py'\n" for name in ("first", "second")))
        terminal, end = pty.openpty()
        supervisor = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, state, procfile, json.dumps(NAMED)],
            cwd=ROOT,
            stdin=end,
            stdout=end,
            stderr=end,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(end)
        output = b""
        while len(pids := [int(pid) for pid in re.findall(rb"up (\d+)\s", output)]) < 4:
            assert supervisor.poll() is None, output.decode()
            output += os.read(terminal, 4096)
        supervisor.send_signal(signal.SIGINT)
        while b"sending SIGTERM to second" not in output:
            output += os.read(terminal, 4096)
        os.close(terminal)
        supervisor.wait(60)
        eventually(lambda: not any(map(is_running, pids)), 10)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
    def test_killed_supervisor_leaves_no_process(self, supervised: Supervised, state: Path) -> None:
        supervised.process.kill()
        supervised.process.wait()
        eventually(lambda: nothing_is_left(supervised, state))
