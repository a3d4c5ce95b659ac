"""What a worker imports before it forks its children: each module costs memory in every worker."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Imports what `celery worker` imports before its first task.
LOAD = """
from config.celery import app
app.loader.import_default_modules()
"""
# Of the console, of the API, and libraries that only some requests or tasks use.
FOREIGN = {
    "altcha",
    "aiohttp",
    "config.urls",
    "disposable_email_domains",
    "drf_spectacular.openapi",
    "jwt",
    "numpy",
    "pywebpush",
    "rest_framework.views",
    "segno",
    "unfold",
    "webauthn",
}


def run(code: str) -> str:
    """The output of a new process with the settings of workers."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.worker_settings", "CELERY_SKIP_CHECKS": "true"}
    argv = [sys.executable, "-c", LOAD + code]
    return subprocess.run(argv, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


def test_worker_imports_neither_console_nor_api() -> None:
    modules = set(run("import sys; print(*sys.modules)").split())
    assert not FOREIGN & modules
    assert not {name for name in modules if name.startswith("apps.") and {"admin", "api"} & set(name.split("."))}


def test_worker_links_to_the_console() -> None:
    """The classes of the admin are imported with the URLconf."""
    assert run("from django.urls import reverse; print(reverse('admin:moderation_flag_queue'))").startswith("/admin/")


def test_worker_renders_mails_without_the_tags_of_pages() -> None:
    """Django imports the template tags of all apps with the first template, in each child by itself."""
    modules = run("import sys; from django.template import engines; engines.all(); print(*sys.modules)").split()
    assert not {"apps.web.templatetags", "rest_framework.renderers", "unfold.templatetags"} & set(modules)


def test_worker_has_all_models() -> None:
    """Deleting a user deletes the rows that refer to it."""
    labels = "from django.apps import apps; print(*sorted(model._meta.label for model in apps.get_models()))"
    own = run(labels)
    everything = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {labels}"],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert own == everything
