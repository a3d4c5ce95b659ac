"""What import-linter cannot see."""

import ast
import inspect
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from config.celery import app as celery
from config.schedule import SCHEDULE

ROOT = Path(__file__).resolve().parents[2]
OURS = [name for name in settings.INSTALLED_APPS if name.startswith("apps.")]
# From the bottom; engagement, feed and search know nothing of one another.
STACK = [
    "core",
    "site",
    "safety",
    "media",
    "accounts",
    "social",
    "content",
    "engagement",
    "feed",
    "search",
    "moderation",
    "notifications",
]


def test_installed_apps_are_in_the_order_of_the_stack():
    assert [name.removeprefix("apps.") for name in OURS][: len(STACK)] == STACK


def test_foreign_keys_point_down_the_stack():
    height = {f"apps.{name}": n for n, name in enumerate(STACK)}
    for model in apps.get_models():
        if model.__module__.split(".models")[0] not in height:
            continue
        for field in model._meta.get_fields():
            target = getattr(field, "remote_field", None) and not field.auto_created and field.related_model
            if not target or target._meta.label == settings.AUTH_USER_MODEL:
                continue
            below = height.get(target.__module__.split(".models")[0], -1)
            assert below <= height[model.__module__.split(".models")[0]], f"{model.__name__}.{field.name} points up"


def test_only_the_relay_sends_messages_to_the_broker():
    """Everything else enqueues rows of the outbox, in the transaction of its change."""
    senders = [file for file in ROOT.glob("apps/**/*.py") if ".send_task(" in file.read_text()]
    assert senders == [ROOT / "apps/core/tasks/relay.py"]


def test_functions_contain_no_imports():
    strays = []
    for file in [*ROOT.glob("apps/**/*.py"), *ROOT.glob("config/*.py")]:
        if file.name == "apps.py":
            continue
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef):
                strays += [
                    f"{file}:{n.lineno}" for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom)
                ]
    assert not strays


def test_there_are_no_utils_modules_and_no_post_save_receivers():
    assert not [*ROOT.glob("apps/**/utils.py")]
    for file in ROOT.glob("apps/**/*.py"):
        assert "post_save" not in file.read_text(), file


def test_every_scheduled_task_exists():
    celery.loader.import_default_modules()
    assert set(SCHEDULE) <= set(celery.tasks)


def test_tasks_accept_unknown_arguments():
    celery.loader.import_default_modules()
    for name, task in celery.tasks.items():
        if name.startswith("apps."):
            flags = inspect.unwrap(task.run).__code__.co_flags
            assert flags & 0x08, f"{name} has no **_"


def test_migrations_match_the_models(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_repository_names_no_package_registry_and_no_machine():
    import subprocess

    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    forbidden = ("files.python" + "hosted", "/work/" + "main", "../shar" + "ed", "pypi.org/" + "simple")
    for name in filter(None, tracked):
        file = ROOT / name
        if file.suffix in {".py", ".md", ".txt", ".toml", ".yaml", ".yml", ""} and file.is_file():
            content = file.read_text(errors="ignore")
            assert not [word for word in forbidden if word in content], name
