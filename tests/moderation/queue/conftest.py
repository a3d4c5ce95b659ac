"""The data that migrations create."""

import pytest


@pytest.fixture(autouse=True)
def _reason_templates(reason_templates: None) -> None:
    """The queue offers reason templates."""
