"""The client's address: through trusted proxies, in the forms that proxies write, and its network for limits."""

import pytest
from django.core import checks
from django.test import RequestFactory
from prometheus_client import REGISTRY

from apps.core.api.addresses import client_address, client_network
from apps.core.ops.addresses import last_unreadable
from apps.core.ops.checks import check_addresses

pytestmark = pytest.mark.django_db
PEER = "192.0.2.1"


def request(forwarded="", peer=PEER):
    return RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)


def unreadable():
    return REGISTRY.get_sample_value("photogram_unreadable_addresses_total")


@pytest.mark.promise("A5")
@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.1", PEER),
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "6.6.6.6, 203.0.113.1", "203.0.113.1"),
        (2, "6.6.6.6, 203.0.113.1, 10.0.0.1", "203.0.113.1"),
        (2, "203.0.113.1", PEER),
        (1, "", PEER),
        (1, "198.51.100.1:40001", "198.51.100.1"),
        (1, "6.6.6.6:1, 198.51.100.1:40001", "198.51.100.1"),
        (1, '"198.51.100.1:40001"', "198.51.100.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "2001:0DB8:0::1", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "[fe80::1%eth0]:443", "fe80::1"),
        (1, "::ffff:198.51.100.1", "198.51.100.1"),
        (1, "[::ffff:198.51.100.1]:443", "198.51.100.1"),
        (1, "64:ff9b::198.51.100.1", "198.51.100.1"),
        (1, "[::ffff:0:198.51.100.1]:443", "198.51.100.1"),
        (1, " 6.6.6.6 ,garbage,, \t198.51.100.1:40001 ", "198.51.100.1"),
        (1, "198.51.100.1, garbage", None),
        (1, "198.51.100.1:٤٠", None),
        (1, "not an address", None),
        (1, "unknown", None),
        (1, "198.51.100.1:", None),
        (1, "198.51.100.1:port", None),
        (1, "198.51.100.256", None),
        (1, "[2001:db8::1", None),
        (1, "[]:443", None),
        (1, "x" * 10_000, None),
    ],
)
def test_address_is_read_through_trusted_proxies_in_every_form(settings, proxies, forwarded, address):
    settings.TRUSTED_PROXIES = proxies
    assert client_address(request(forwarded)) == address


@pytest.mark.promise("A5")
@pytest.mark.parametrize(
    ("address", "prefix", "network"),
    [
        ("198.51.100.1", 64, "198.51.100.1"),
        ("::ffff:198.51.100.1", 64, "198.51.100.1"),
        ("64:ff9b::c633:6401", 64, "198.51.100.1"),
        ("::ffff:0:c633:6401", 64, "198.51.100.1"),
        ("2001:db8:1:2::1", 64, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", 64, "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", 64, "2001:db8:1:3::/64"),
        ("2001:db8:1:3::1", 48, "2001:db8:1::/48"),
    ],
)
def test_ipv6_addresses_of_a_network_are_one_client(settings, address, prefix, network):
    settings.RATE_LIMIT_IPV6_PREFIX = prefix
    assert client_network(request(peer=address)) == network


@pytest.mark.promise("A5")
def test_unreadable_address_is_counted_once_per_request_and_reported(settings):
    settings.TRUSTED_PROXIES = 1
    before = unreadable()
    odd = request("198.51.100.1;port=40001")
    assert client_address(odd) is client_network(odd) is None
    assert unreadable() == before + 1
    # The form without the digits, which are personal data.
    assert last_unreadable() == "xxx.xx.xxx.x;port=xxxxx"


def test_system_check_reports_an_unreadable_address(settings):
    settings.TRUSTED_PROXIES = 1
    (fine,) = check_addresses()
    assert fine.level == checks.INFO
    client_address(request("unknown"))
    (finding,) = check_addresses()
    assert finding.level == checks.WARNING
    assert "unknown" in finding.msg
    assert "TRUSTED_PROXIES" in finding.hint


@pytest.mark.promise("A5")
def test_clients_without_a_readable_address_share_no_limit(anonymous, alice, settings):
    settings.RATE_LIMITS_ENABLED, settings.TRUSTED_PROXIES = True, 1
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": (2, 60), "sign_in_address": (1, 300)}

    def get(forwarded):
        return anonymous.get("/users/@alice", HTTP_X_FORWARDED_FOR=forwarded).status_code

    assert [get("unknown") for _ in range(4)] == [200] * 4
    assert [get("198.51.100.1:40001") for _ in range(3)] == [200, 200, 429]
    assert [get(f"2001:db8:1:2::{n}") for n in range(3)] == [200, 200, 429]
    assert get("2001:db8:1:3::1") == 200
    # Attempts on an account are limited nevertheless.
    body = {"login": "alice", "password": "wrong"}
    attempts = [anonymous.post("/auth/token", body, HTTP_X_FORWARDED_FOR="unknown").status_code for _ in range(11)]
    assert attempts == [401] * 10 + [429]
