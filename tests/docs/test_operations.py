"""docs/operations.md lists exactly the environment variables that are read, and commands that can be pasted."""

import re
import subprocess
import textwrap
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
INTERNAL = {"PYTEST_XDIST_WORKER"}
GUIDE = (ROOT / "docs" / "operations.md").read_text()


def test_settings_table_matches_the_variables_that_are_read() -> None:
    files = [*ROOT.glob("config/*.py"), *ROOT.glob("apps/core/ops/*.py")]
    code = "".join(file.read_text() for file in files)
    read = set(re.findall(r"""\benv(?:\.\w+|iron\.get)\(\s*["']([A-Z0-9_]+)["']""", code))
    documented = re.findall(r"^\| `([A-Z0-9_]+)` \|", GUIDE, re.MULTILINE)
    assert sorted(documented) == sorted(read - INTERNAL)


def commands(title: str) -> str:
    """The commands of a section, as they are pasted."""
    section = GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return "".join(map(textwrap.dedent, re.findall(r"```console\n(.*?)```", section, re.DOTALL)))


def test_commands_are_valid_for_a_shell() -> None:
    for title in re.findall(r"^## (.+)$", GUIDE, re.MULTILINE):
        done = subprocess.run(["bash", "-n"], check=False, input=commands(title), capture_output=True, text=True)
        assert done.returncode == 0, f"{title}: {done.stderr}"


def test_apt_takes_no_pasted_lines_for_its_input() -> None:
    lines = commands("On one machine, without Docker").splitlines()
    apt = [line for line in lines if line.startswith("apt-get install")]
    assert apt
    assert all(line.endswith("< /dev/null") for line in apt)


def test_commands_name_files_that_exist() -> None:
    named = set(re.findall(r"(?<![\w/])(?:/srv/photogram/code/)?((?:config|requirements)/[\w./@-]+)", GUIDE))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_storage_gets_the_secrets_that_it_gets_with_compose(tmp_path: Path) -> None:
    written = tmp_path / "photogram-storage.env"
    lines = commands("On one machine, without Docker").splitlines()
    script = "\n".join(line for line in lines if line.endswith("/etc/photogram-storage.env"))
    secrets = {"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b", "STORAGE_INTERNAL_KEY": "c"}
    argv = ["bash", "-euc", script.replace("/etc/photogram-storage.env", str(written))]
    subprocess.run(argv, check=True, env={"PATH": "/usr/bin:/bin"} | secrets)
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["s3"]["environment"]
    expected = {name: secrets[value[2:].partition(":")[0]] for name, value in service.items() if value.startswith("${")}
    assert dict(line.split("=", 1) for line in written.read_text().splitlines()) == {
        name: f"'{value}'" for name, value in expected.items()
    }
    assert written.stat().st_mode & 0o777 == 0o600
