"""The API restarted under load (C10)."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.faults.conftest import ASKED, NO_CERTIFICATES, Mortal

# The fixture copies the schema of the tests' database.
pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.xdist_group("mortal")]
CLIENTS = 8


@pytest.mark.promise("C10")
def test_restart_under_load_fails_no_request(mortal: Mortal) -> None:
    """Each client connects again while the connection is refused, as the proxy does (config/deploy/Caddyfile)."""
    stopped = threading.Event()

    def request_until_stopped() -> Counter[int]:
        statuses: Counter[int] = Counter()
        with httpx.Client(base_url=mortal.url, timeout=30, verify=NO_CERTIFICATES) as client:
            while not stopped.is_set():
                for send in (lambda: client.get(ASKED), lambda: client.post("/v1/auth/token", json={})):
                    statuses[_until_accepted(send).status_code] += 1
        return statuses

    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [threads.submit(request_until_stopped) for _ in range(CLIENTS)]
        try:
            for _ in range(2):
                time.sleep(1)
                mortal.gunicorn.terminate()
                assert mortal.gunicorn.wait(30) == 0
                mortal.start_gunicorn()
                mortal.await_answer(60)
        finally:
            stopped.set()
        statuses = sum((client.result() for client in clients), Counter[int]())
    assert set(statuses) == {404, 400}, statuses


def _until_accepted(send: Callable[[], httpx.Response]) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            return send()
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
