"""Who may change the rules."""

import pytest

from apps.accounts.models import User
from tests.moderation.people import make_moderator


@pytest.fixture
def senior(db: None) -> User:
    return make_moderator("senior", "senior_moderator")
