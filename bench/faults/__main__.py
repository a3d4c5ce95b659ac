"""What happens when something dies: `python -m bench.faults [SCENARIO …] [--quick | --scale X] [--seed N]`
(`make bench-faults`).

Starts PostgreSQL, Valkey, SeaweedFS and every process of the Procfile, with the settings of production, under a
supervisor that starts again what died. Then a seeded crowd uses it over HTTP while processes and servers are killed,
frozen, emptied, slowed down and restarted; every acknowledged act is looked for afterwards. Prints one row for each
demand and exits with 1 if one is missed. All of it takes about twenty minutes on two cores, `--quick` about five.
"""

import argparse
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import django
from rich.console import Console
from rich.table import Table

from bench.environment import production
from bench.faults.network import MailSink, Proxy
from bench.faults.processes import ROOT, Processes
from bench.faults.servers import Servers
from devstack.environment import child_environment
from devstack.ports import free_port

NAMES = ["kills", "redis", "storage", "postgres", "restarts", "poison"]
QUICK = 0.2


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.faults", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("scenario", nargs="*", choices=[[], *NAMES], help=f"one or more of {', '.join(NAMES)}; or all")
    parser.add_argument("--scale", type=float, default=1.0, help="how long and how much, against the full run")
    parser.add_argument("--quick", action="store_true", help=f"the same as --scale {QUICK}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write the rows, too")
    parser.add_argument("--markdown", type=Path, help="a page whose part `## Measured` is to be written anew")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and state")
    arguments = parser.parse_args()
    # Through the context managers: what is frozen would outlive us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="photogram-faults-"))
    rows: list[Any] = []
    try:
        rows = _run(arguments, folder)
    finally:
        if arguments.keep:
            print(f"Logs and state: {folder}")
        else:
            subprocess.run(["rm", "-rf", str(folder)], check=False)
    if arguments.json:
        arguments.json.write_text(json.dumps([vars(row) for row in rows], indent=2))
    if arguments.markdown:
        _write_measured(arguments.markdown, rows, f"scale {QUICK if arguments.quick else arguments.scale:g}")
    _print(rows)
    return 0 if rows and all(row.met for row in rows) else 1


def _run(arguments: argparse.Namespace, folder: Path) -> list[Any]:
    with contextlib.ExitStack() as up:
        servers = Servers(folder)
        up.callback(servers.stop)
        proxy, mails = Proxy(servers.storage.ports["s3"]), MailSink()
        up.callback(proxy.close)
        up.callback(mails.close)
        environment = _environment(servers, proxy, mails)
        _prepare(environment)
        # The audit looks at the rows itself.
        os.environ.update(environment)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django.setup()
        with_poison = dict.fromkeys(("worker", "media"), "--include bench.faults.poison")
        processes = Processes(environment, folder / "processes", extra=with_poison)
        up.callback(processes.stop)
        url = f"http://127.0.0.1:{environment['PORT']}"
        _await(url)
        # It imports models, which needs Django to be set up.
        scenarios = importlib.import_module("bench.faults.scenarios")
        scale = QUICK if arguments.quick else arguments.scale
        bench = scenarios.Bench(servers, processes, proxy, mails, url, arguments.seed, scale)
        for name in arguments.scenario or NAMES:
            begun = time.monotonic()
            bench.scenario = name
            print(f"{name}: {scenarios.SCENARIOS[name].__doc__}", flush=True)
            try:
                scenarios.SCENARIOS[name](bench)
            except Exception as error:
                traceback.print_exc()
                bench.demand("the scenario comes to its end", False, repr(error))
            print(f"  {time.monotonic() - begun:.0f} s in all", flush=True)
        rows: list[Any] = bench.rows
    return rows


def _environment(servers: Servers, proxy: Proxy, mails: MailSink) -> dict[str, str]:
    """Production's, with mails by SMTP and the crowd's storage behind a proxy that may be cut."""
    return child_environment(
        {
            **production(),
            "DATABASE_URL": servers.postgres.url,
            "REDIS_URL": servers.valkey.url(0),
            "CELERY_BROKER_URL": servers.valkey.url(1),
            "S3_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}",
            "S3_ACCESS_KEY_ID": servers.storage.access_key,
            "S3_SECRET_ACCESS_KEY": servers.storage.secret_key,
            "EMAIL_URL": f"smtp://127.0.0.1:{mails.port}",
            "ACCESS_TOKEN_LIFETIME_SECONDS": "7200",
            "WEB_CONCURRENCY": "2",
            "LOG_LEVEL": "WARNING",
            "HOST": "127.0.0.1",
            "PORT": str(free_port()),
        }
    )


def _prepare(environment: dict[str, str]) -> None:
    for command in (["-m", "devstack.prepare"], ["manage.py", "collectstatic", "--noinput", "--verbosity", "0"]):
        subprocess.run([sys.executable, *command], check=True, cwd=ROOT, env=environment)


def _await(url: str) -> None:
    deadline = time.monotonic() + 60
    request = urllib.request.Request(f"{url}/health/ready", headers={"X-Forwarded-Proto": "https"})
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError):
            if urllib.request.urlopen(request, timeout=5).status == 200:
                return
        time.sleep(0.2)
    raise TimeoutError("The API did not start.")


def _write_measured(page: Path, rows: list[Any], how: str) -> None:
    head = page.read_text().partition("## Measured\n")[0]
    lines = [f"{os.cpu_count()} cores, {how}.", "", "| scenario | demand | result | |", "| --- | --- | --- | --- |"]
    lines += [f"| {r.scenario} | {r.demand} | {r.result} | {'met' if r.met else '**missed**'} |" for r in rows]
    page.write_text(head + "## Measured\n\n" + "\n".join(lines) + "\n")


def _print(rows: list[Any]) -> None:
    table = Table(title="Faults", show_lines=False)
    for column in ("scenario", "demand", "result", ""):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.scenario, row.demand, row.result, "ok" if row.met else "MISSED")
    Console(width=160).print(table)


if __name__ == "__main__":
    sys.exit(main())
