"""The data that migrations create."""

from importlib import import_module

import pytest
from django.apps import apps


@pytest.fixture(autouse=True)
def _reasons_to_start_from(db: None) -> None:
    """Tests that commit empty every table after themselves, and with it what a migration has written."""
    import_module("apps.moderation.migrations.0008_reason_templates").make_templates(apps, None)
