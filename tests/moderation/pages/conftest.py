"""A browser that is signed in to the console."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import User
from tests.factories import PASSWORD


@pytest.fixture
def browser() -> Callable[[User], Client]:
    """`browser(mod).get(path)`."""

    def sign_in(person: User) -> Client:
        client = Client()
        assert client.login(username=person.handle, password=PASSWORD)
        return client

    return sign_in
