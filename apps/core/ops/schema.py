"""Whether the migrations of this release are applied, without loading Django's graph of migrations."""

import pkgutil
from functools import lru_cache
from importlib import import_module

from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def unapplied() -> list[tuple[str, str]]:
    """(app label, name) of each migration of this release that is not applied. A newer schema is no difference."""
    return sorted(_migrations_of_release() - set(MigrationRecorder(connection).applied_migrations()))


@lru_cache
def _migrations_of_release() -> frozenset[tuple[str, str]]:
    """By the names of their modules. Django records a squashed migration and those that it replaces."""
    found = set()
    for config in apps.get_app_configs():
        package, explicit = MigrationLoader.migrations_module(config.label)
        if package is None:
            continue
        try:
            paths = import_module(package).__path__
        except ModuleNotFoundError:
            if explicit:
                raise
            continue
        found |= {
            (config.label, module.name)
            for module in pkgutil.iter_modules(paths)
            if not module.ispkg and module.name[0] not in "_~"
        }
    return frozenset(found)
