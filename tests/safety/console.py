"""The console, as somebody who is signed in sees it."""

from typing import Any

from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from tests.factories import PASSWORD


def browser(person: User) -> Client:
    client = Client()
    assert client.login(username=person.handle, password=PASSWORD)
    return client


def act(client: Client, model: str, action: str, row: Any, reason: str = "") -> Any:
    """Choose the row in the list, and the action with its reason."""
    asked = {"action": action, "_selected_action": [str(row.pk)], "index": 0, "reason": reason}
    return client.post(reverse(f"admin:safety_{model}_changelist"), asked)
