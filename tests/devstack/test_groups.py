"""Tests that share a server they set up stay on one worker; pytest 9.2 broke that without a word."""

import os

import pytest


@pytest.mark.skipif(
    "PYTEST_XDIST_WORKER" not in os.environ and not os.environ.get("CI"),
    reason="one process keeps everything together",
)
@pytest.mark.xdist_group("groups")
def test_xdist_controller_knows_the_groups_of_tests(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@groups")
