"""An answer that comes too late belongs to nobody (P9; redis-py CVE-2023-28858 gave it to the next caller)."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis

from apps.core import cache


@pytest.fixture
def hesitant(settings: Any) -> Iterator[threading.Event]:
    """REDIS_URL leads through a proxy that, while the event is set, holds answers back for longer than we wait."""
    settings.REDIS_TIMEOUT_SECONDS = 1.0
    address = urlsplit(settings.REDIS_URL)
    hesitating = threading.Event()

    def forward(source: socket.socket, target: socket.socket, *, answers: bool) -> None:
        try:
            while part := source.recv(65536):
                if answers and hesitating.is_set():
                    time.sleep(settings.REDIS_TIMEOUT_SECONDS * 6)
                target.sendall(part)
        except OSError:
            pass

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((address.hostname, address.port))
            threading.Thread(target=forward, args=(client, server), kwargs={"answers": False}, daemon=True).start()
            threading.Thread(target=forward, args=(server, client), kwargs={"answers": True}, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        settings.REDIS_URL = urlunsplit(address._replace(netloc=f"127.0.0.1:{listener.getsockname()[1]}"))
        yield hesitating


@pytest.mark.slow
@pytest.mark.promise("P9")
def test_late_response_of_redis_is_not_given_to_the_next_caller(hesitant: threading.Event, settings: Any) -> None:
    breaker = cache.Breaker()
    alices, bobs = cache.key("of", "alice"), cache.key("of", "bob")
    breaker.call(lambda client: client.mset({alices: "alice's", bobs: "bob's"}))
    hesitant.set()
    with pytest.raises(cache.RedisUnavailable):
        breaker.call(lambda client: client.get(alices))
    hesitant.clear()
    breaker.reset()
    time.sleep(settings.REDIS_TIMEOUT_SECONDS * 7)
    for _ in range(5):
        assert breaker.call(lambda client: client.get(bobs)) == b"bob's"


@pytest.mark.promise("C7")
def test_connection_that_was_closed_while_idle_is_replaced(settings: Any) -> None:
    breaker, name = cache.Breaker(), cache.key("of", "alice")
    breaker.call(lambda client: client.set(name, "alice's"))
    number = breaker.call(lambda client: client.client_id())
    with redis.Redis.from_url(settings.REDIS_URL) as other:
        assert other.client_kill_filter(_id=number) == 1
    assert breaker.call(lambda client: client.get(name)) == b"alice's"
