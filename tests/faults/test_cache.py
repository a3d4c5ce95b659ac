"""Redis accepts and never answers (C7)."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from apps.core import cache
from tests.operations.environments import documented, started

pytestmark = pytest.mark.django_db


class Frozen:
    """Counts who connects."""

    def __init__(self, listener: socket.socket) -> None:
        self.guests: list[socket.socket] = []
        self._listener = listener
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                self.guests.append(self._listener.accept()[0])


@pytest.fixture
def frozen(settings, monkeypatch) -> Iterator[Frozen]:
    # `with` closes neither a socket that is waited at, nor the guests'.
    listener = socket.create_server(("127.0.0.1", 0))
    options = settings.CACHES["default"]["OPTIONS"]
    shorter = dict.fromkeys(("SOCKET_CONNECT_TIMEOUT", "SOCKET_TIMEOUT"), 0.25)
    monkeypatch.setitem(settings.CACHES["default"], "OPTIONS", options | shorter)
    settings.REDIS_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    frozen = Frozen(listener)
    yield frozen
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for guest in frozen.guests:
        guest.close()
    cache.breaker.reset()


@pytest.mark.promise("C7")
def test_redis_timeout_in_production_is_a_quarter_of_a_second():
    [production] = started(documented())
    assert float(production["REDIS_TIMEOUT_SECONDS"]) <= 0.25


@pytest.mark.promise("C7")
def test_unavailable_redis_is_waited_for_once(frozen, settings):
    settings.REDIS_BREAKER_SECONDS = 60
    begun = time.monotonic()
    for _ in range(100):
        with pytest.raises(cache.RedisUnavailable):
            cache.call(lambda client: client.get("anything"))
    assert len(frozen.guests) == 1
    assert time.monotonic() - begun < 10, "each of the calls waited"


@pytest.mark.promise("C7")
def test_redis_is_tried_again_after_the_pause(frozen, settings):
    settings.REDIS_BREAKER_SECONDS = 0.05
    for _ in range(2):
        with pytest.raises(cache.RedisUnavailable):
            cache.call(lambda client: client.get("anything"))
        time.sleep(0.1)
    assert len(frozen.guests) == 2


@pytest.mark.promise("C7")
def test_requests_use_the_database_while_redis_is_unavailable(api, alice, bob, request):
    caller = api(bob)
    assert caller.get("/feed").status_code == 200
    request.getfixturevalue("frozen")
    for path in ("/feed", "/auth/me", f"/users/@{alice.handle}", "/notifications"):
        assert caller.get(path).status_code == 200
    assert caller.post(f"/users/@{alice.handle}/unfollow").status_code == 200
    assert api(None).get("/health/ready").json()["checks"]["cache"] == "down"
    assert caller.post("/auth/revoke", {}).status_code == 204
    assert caller.get("/auth/me").status_code == 401
