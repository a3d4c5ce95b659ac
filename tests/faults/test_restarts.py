"""The API told to end and started again, with requests under way and in the listening queue (C10)."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from devstack.process import frozen
from tests.faults.conftest import Mortal

# Its schema is copied.
pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.xdist_group("mortal")]


def test_c10_told_to_end_it_answers_whom_the_kernel_has_let_in_and_refuses_the_others(mortal: Mortal) -> None:
    """So that a proxy in front can have those wait for the next one (config/deploy/Caddyfile)."""
    [worker] = mortal.workers()
    with ThreadPoolExecutor(24) as threads:
        with frozen(worker):
            # Nobody accepts them: connected, sent, and in the queue.
            waiting = [threads.submit(mortal.ask) for _ in range(24)]
            time.sleep(0.5)
            mortal.gunicorn.terminate()
            time.sleep(0.2)
        assert [each.result().status_code for each in waiting] == [404] * 24
    assert mortal.gunicorn.wait(60) == 0
    with pytest.raises(httpx.ConnectError):
        mortal.ask()
    mortal.start_gunicorn()
    mortal.await_answer()
