"""The greeting, the address in the network, and the keys of the running stack."""

import os
import socket
from pathlib import Path

import pytest

from devstack import network
from devstack.network import lan_address
from devstack.process import StartFailed
from devstack.provision import ensure_vapid_keys
from devstack.supervisor import compose_greeting

LOGINS = "Demo logins (password: demo pass (1))\n  alice   photographs mountains\n"


@pytest.mark.parametrize(
    ("logins", "last"),
    [
        (LOGINS, "Open http://127.0.0.1:8000/ and sign in as alice / demo pass (1)"),
        ("", "Open http://127.0.0.1:8000/ and join"),
    ],
)
def test_greeting_ends_with_the_address_and_the_login(logins: str, last: str) -> None:
    lines = compose_greeting("http://127.0.0.1:8000", {}, logins).splitlines()
    assert lines[-2:] == [last, "Press Ctrl-C to stop."]
    assert "https" not in "".join(lines)


def test_greeting_in_the_network_says_what_needs_https() -> None:
    text = compose_greeting("http://192.168.1.2:8000", {"LAN": "1"}, LOGINS)
    assert "Push messages and\nthe installation as an app need https" in text
    assert "Open http://192.168.1.2:8000/ and sign in as alice" in text


class TestNetwork:
    @pytest.mark.parametrize("value", ["", "0"])
    def test_loopback_without_lan(self, value: str) -> None:
        assert lan_address({"LAN": value}) is None
        assert lan_address({}) is None

    @pytest.mark.parametrize("address", ["192.168.1.2", "10.0.0.7", "172.16.3.4"])
    def test_address_of_the_default_route(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(network, "default_address", lambda: address)
        assert lan_address({"LAN": "1"}) == address

    @pytest.mark.parametrize(("address", "message"), [("127.0.0.1", "in no network"), ("8.8.8.8", "of the internet")])
    def test_unsuitable_address_is_refused(self, address: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(network, "default_address", lambda: address)
        with pytest.raises(StartFailed, match=message):
            lan_address({"LAN": "1"})

    def test_address_can_be_named(self) -> None:
        assert lan_address({"LAN": "192.168.7.8"}) == "192.168.7.8"

    @pytest.mark.parametrize("nonsense", ["yes", "192.168.1", "::1", "example.org", "192.168.1.2:80"])
    def test_value_must_be_an_address(self, nonsense: str) -> None:
        with pytest.raises(StartFailed, match="LAN must be 1 or an IPv4 address"):
            lan_address({"LAN": nonsense})

    def test_detected_address_belongs_to_this_machine(self) -> None:
        with socket.socket() as probe:
            probe.bind((network.default_address(), 0))


def test_vapid_keys_are_made_once_and_only_for_the_owner(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VAPID")}
    keys = ensure_vapid_keys(tmp_path, environment)
    assert {name: len(key) for name, key in keys.items()} == {"VAPID_PRIVATE_KEY": 43, "VAPID_PUBLIC_KEY": 87}
    assert ensure_vapid_keys(tmp_path, {}) == keys
    assert (tmp_path / "vapid-keys").stat().st_mode & 0o077 == 0
    assert ensure_vapid_keys(tmp_path, environment | {"VAPID_PRIVATE_KEY": "own"}) == {}
