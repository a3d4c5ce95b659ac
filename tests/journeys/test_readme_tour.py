"""Runs the commands of the README's tour with a real API, relay and worker."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
# The variables of the shell that the tests need after the tour.
VARIABLES = ("API", "TOUR", "POST", "MEDIA", "MIRA", "THEO", "THEO_TOKEN")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live")]


def tour() -> str:
    readme = (ROOT / "README.md").read_text()
    chapter = readme.split("## A five-minute tour")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```bash\n(.*?)^```", chapter, re.MULTILINE | re.DOTALL))


@pytest.fixture
def toured(live_stack: Any) -> dict[str, str]:
    """The variables of the shell after the tour."""
    python = str(Path(sys.executable).parent)
    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour() + "\n" + "".join(f'echo "@{n}=${n}"\n' for n in VARIABLES)],
        cwd=ROOT,
        env={**os.environ, "API": live_stack.url, "PATH": f"{python}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return dict(re.findall(r"^@(\w+)=(.*)$", finished.stdout, re.MULTILINE))


def newest_in_feed(toured: dict[str, str]) -> dict[str, Any]:
    token = {"Authorization": f"Bearer {toured['THEO_TOKEN']}"}
    [post] = requests.get(f"{toured['API']}/feed", headers=token, timeout=10).json()["results"]
    found: dict[str, Any] = post
    return found


def permanent(post: dict[str, Any]) -> bool:
    return not any("?" in variant["url"] for medium in post["media"] for variant in medium["variants"])


def test_tour_ends_with_the_photo_in_the_feed_of_the_follower(toured: dict[str, str]) -> None:
    post = newest_in_feed(toured)
    assert post["id"] == toured["POST"]
    assert post["author"]["handle"] == toured["MIRA"]
    assert [mention["handle"] for mention in post["mentions"]] == [toured["THEO"]]
    assert [medium["id"] for medium in post["media"]] == [toured["MEDIA"]]
    assert_published_bare_and_upright(toured, post)
    # The post is public, so its URLs become permanent when the worker has copied the variants.
    eventually(lambda: permanent(newest_in_feed(toured)), every=0.2, otherwise="the URLs are still signed ones")
    assert_published_bare_and_upright(toured, newest_in_feed(toured))


def assert_published_bare_and_upright(toured: dict[str, str], post: dict[str, Any]) -> None:
    original = Image.open(Path(toured["TOUR"]) / "photo.jpg")
    assert original.getexif()[0x0112] == 6, "the photo of the tour is no longer stored rotated"
    for variant in post["media"][0]["variants"]:
        answer = requests.get(variant["url"], timeout=10)
        assert answer.headers["Content-Type"] == variant["content_type"]
        assert b"Exif" not in answer.content
        published = Image.open(io.BytesIO(answer.content))
        assert not published.getexif()
        assert not {"exif", "xmp", "comment", "photoshop", "gps"} & set(published.info)
        # The pixels of the upload are rotated, those of the variants are not.
        assert (published.width > published.height) is (original.height > original.width)
