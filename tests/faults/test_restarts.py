"""gunicorn's workers replaced while requests come in and are under way (C10)."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.faults.conftest import ASKED, Mortal

# Its schema is copied.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("mortal")]


def test_c10_a_reload_fails_no_request_and_makes_none_wait_for_the_new_code(mortal: Mortal) -> None:
    """With four of them under way at any moment, the one at which the old worker leaves as well."""
    old = set(mortal.workers())
    leaving = threading.Event()
    statuses: list[int] = []

    def keep_asking() -> None:
        with httpx.Client(timeout=15) as client:
            while not leaving.is_set():
                statuses.append(client.get(f"{mortal.url}{ASKED}").status_code)

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(keep_asking) for _ in range(4)]
        mortal.gunicorn.send_signal(signal.SIGHUP)
        served = 0
        while old & set(mortal.workers()):
            # The old ones serve until the new ones do, which takes these longer than to answer a few requests.
            served = len(statuses)
            time.sleep(0.05)
        leaving.set()
        for each in asking:
            each.result()
    assert set(statuses) == {404}
    assert served > 20
    assert len(mortal.workers()) == len(old)
