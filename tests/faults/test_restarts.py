"""The API told to end and started again while requests come in and are under way (C10)."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.faults.conftest import ASKED, Mortal

# Its schema is copied.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("mortal")]


def test_c10_a_restart_fails_no_request_that_waits_while_nobody_listens(mortal: Mortal) -> None:
    """As the proxy in front has them wait. A connection that was accepted is answered."""
    leaving = threading.Event()
    statuses: list[int] = []
    refused = threading.Event()

    def keep_asking() -> None:
        while not leaving.is_set():
            try:
                statuses.append(mortal.ask(ASKED).status_code)
            except httpx.ConnectError:
                refused.set()
                time.sleep(0.05)

    with ThreadPoolExecutor(12) as threads:
        asking = [threads.submit(keep_asking) for _ in range(12)]
        try:
            while len(statuses) < 100:
                time.sleep(0.01)
            mortal.gunicorn.terminate()
            assert mortal.gunicorn.wait(30) == 0
            mortal.start_gunicorn()
            mortal.await_answer(30)
        finally:
            leaving.set()
        for each in asking:
            each.result()
    assert set(statuses) == {404}
    assert refused.is_set()
