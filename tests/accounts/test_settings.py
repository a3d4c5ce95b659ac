"""The settings of clients, which are the same on every device."""

import pytest

from apps.accounts.models import DEFAULT_SETTINGS

pytestmark = pytest.mark.django_db


def test_defaults_are_returned_until_a_setting_changes(alice, api):
    assert (
        api(alice).get("/auth/me").json()["settings"]
        == DEFAULT_SETTINGS
        == {
            "show_sensitive": False,
            "theme": "system",
            "discoverable": True,
            "keyboard_shortcuts": True,
        }
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("show_sensitive", True), ("theme", "dark"), ("discoverable", False), ("keyboard_shortcuts", False)],
)
def test_setting_changes_alone(name, value, alice, api):
    response = api(alice).patch("/users/me", {"settings": {name: value}})
    assert response.json()["settings"] == DEFAULT_SETTINGS | {name: value}
    assert api(alice).get("/auth/me").json()["settings"] == DEFAULT_SETTINGS | {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [("discoverable", "yes"), ("discoverable", None), ("keyboard_shortcuts", 1), ("theme", "sepia"), ("unknown", True)],
)
def test_invalid_setting_is_refused_by_name(name, value, alice, api):
    response = api(alice).patch("/users/me", {"settings": {name: value}})
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [f"settings.{name}"]
