"""Static files as production serves them: compressed, with hashes in names, by which modules import each other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

SOURCES = settings.BASE_DIR / "static" / "web" / "js"
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")
# What belongs to other pages takes most of the time.
OTHERS = ["admin", "unfold", "drf_spectacular_sidecar", "rest_framework", "openapi.*", "console", "api", "gis"]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    ignored = [f"--ignore={name}" for name in OTHERS]
    argv = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0", *ignored]
    environment = os.environ | {"STATIC_ROOT": str(folder), "PHOTOGRAM_ENV": "development"}
    subprocess.run(argv, check=True, cwd=settings.BASE_DIR, env=environment)
    return folder / "web" / "js"


@pytest.mark.slow
def test_every_import_of_a_module_names_a_hashed_file(collected: Path) -> None:
    modules = [path for path in collected.glob("*.js") if re.search(r"\.[0-9a-f]{12}\.js$", path.name)]
    assert len(modules) == len(list(SOURCES.glob("*.js")))
    imports = [(module, name) for module in modules for name in IMPORT.findall(module.read_text())]
    assert len(imports) == sum(len(IMPORT.findall(source.read_text())) for source in SOURCES.glob("*.js"))
    for module, name in imports:
        assert re.search(r"\.[0-9a-f]{12}\.js$", name), (module, name)
        assert (module.parent / name).exists(), (module, name)


@pytest.mark.slow
def test_files_of_pages_are_compressed_with_brotli(collected: Path) -> None:
    for pattern in ("app.*.css.br", "js/app.*.js.br", "vendor/htmx.*.js.br"):
        [compressed] = collected.parent.glob(pattern)
        assert compressed.stat().st_size < 20_000


def test_imports_are_written_as_the_storage_rewrites_them() -> None:
    """With a literal path that begins with a dot; statements end with a semicolon."""
    for source in SOURCES.glob("*.js"):
        text = source.read_text()
        for statement in re.findall(r"^(?:import|export)\b[^;]*?\bfrom\b[^\n]*", text, re.MULTILINE):
            assert re.search(r"""from ["']\./[\w-]+\.js["'];$""", statement), (source.name, statement)
        for dynamic in re.findall(r"\bimport\([^)]*\)", text):
            assert re.fullmatch(r"""import\(["']\./[\w-]+\.js["']\)""", dynamic), (source.name, dynamic)
