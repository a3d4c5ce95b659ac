"""`make run` and its companions, whole: the real Procfile over servers of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from devstack import network
from devstack.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("devstack")]


def environment(state: Path, port: int) -> dict[str, str]:
    """A newcomer's, but for the tests' storage, which saves the time to start another."""
    own = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "PHOTOGRAM_ENV", "DJANGO_SETTINGS_MODULE"}
    inherited = {name: value for name, value in os.environ.items() if name not in own and "XDIST" not in name}
    return inherited | {"STATE_DIR": str(state), "PORT": str(port), "DEMO": "0"}


def devstack(*arguments: str, env: dict[str, str]) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "devstack", *arguments]
    return subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def start(env: dict[str, str]) -> tuple["subprocess.Popen[str]", str]:
    """`make run`, and what it has printed when everything runs."""
    run = devstack("run", env=env)
    assert run.stdout
    output = ""
    for line in run.stdout:
        output += line
        if "Press Ctrl-C to stop" in line:
            break
    return run, output


def test_make_run_prints_addresses_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    port = free_port()
    env = environment(tmp_path / "state of things", port)
    run, output = start(env)
    for unwanted in ("superuser privileges", "dependency_down", "Content-Type:"):
        assert unwanted not in output
    base = f"http://127.0.0.1:{port}"
    assert requests.get(re.search(r"Mails +(http\S+)", output)[1], timeout=5).status_code == 200
    assert output.splitlines()[-2:] == [f"Open {base}/ and join", "Press Ctrl-C to stop."]
    for path in ("/v1/docs", "/v1/schema", "/admin/", "/health/ready"):
        assert f"{base}{path}" in output, output
        assert requests.get(f"{base}{path}", timeout=60).status_code == 200
    page = requests.get(f"{base}/", timeout=60)
    [style] = re.findall(r'href="(/static/web/app\.[0-9a-f]+\.css)"', page.text)
    served = requests.get(f"{base}{style}", headers={"Accept-Encoding": "br"}, timeout=5)
    assert (served.headers["Content-Encoding"], "immutable" in served.headers["Cache-Control"]) == ("br", True)
    keys = (tmp_path / "state of things" / "vapid-keys").read_text()
    instance = requests.get(f"{base}/v1/instance", timeout=5).text
    assert re.search(r"VAPID_PUBLIC_KEY=(\S+)", keys)[1] in instance
    beside = devstack("exec", "--", "python", "manage.py", "migrate", "--check", env=env)
    assert beside.wait(300) == 0
    report = devstack("exec", "--", "python", "manage.py", "system_check", "--json", env=env)
    found, _ = report.communicate(timeout=300)
    processes = json.JSONDecoder().raw_decode(found[found.index("{\n") :])[0]["processes"]
    # docs/operations.md has the figures.
    assert sum(process["own"] for process in processes) <= 700_000_000, found
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 0, output


def test_make_run_serves_devices_in_the_network(tmp_path: Path) -> None:
    address = network.default_address()
    if address == "127.0.0.1":
        pytest.skip("This machine is in no network.")
    port = free_port()
    env = environment(tmp_path / "state", port) | {"LAN": address}
    storage = [name for name in env if name.startswith("S3_") or name == "MEDIA_CDN_URL"]
    run, output = start({name: value for name, value in env.items() if name not in storage})
    base = f"http://{address}:{port}"
    assert output.splitlines()[-2:] == [f"Open {base}/ and join", "Press Ctrl-C to stop."], output
    assert "need https" in output
    page = requests.get(f"{base}/", timeout=60)
    assert page.status_code == 200
    # Photos and uploads are at the same address, on the port of the storage.
    [origin] = re.findall(rf"connect-src 'self' (http://{address}:[0-9]+);", page.headers["Content-Security-Policy"])
    assert requests.get(f"{origin}/", timeout=10).status_code == 403
    assert requests.get(f"{base}/", headers={"Host": "elsewhere.example"}, timeout=10).status_code == 400
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=300)


def test_used_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = devstack("run", env=environment(tmp_path, port))
        output, _ = run.communicate(timeout=300)
    assert run.returncode == 1
    assert f"Port {port} is in use" in output
    assert list(tmp_path.iterdir()) == []


def test_fresh_servers_leave_no_files(tmp_path: Path) -> None:
    env = environment(tmp_path / "unused", free_port())
    run = devstack("exec", "--fresh", "--", "sh", "-c", 'echo "$DATABASE_URL"', env=env)
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 0
    assert output.startswith("postgresql://")
    assert list(tmp_path.iterdir()) == []
