"""The README's tour, typed for the reader: its own commands against a real API, relay and worker."""

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
# What the shell knows at the end of the tour, handed to the test.
REMEMBERED = ("API", "TOUR", "POST", "MEDIA", "MIRA", "THEO", "THEO_TOKEN")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live")]


def tour() -> str:
    readme = (ROOT / "README.md").read_text()
    chapter = readme.split("## A five-minute tour")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```bash\n(.*?)^```", chapter, re.MULTILINE | re.DOTALL))


@pytest.fixture
def toured(live_stack: Any) -> dict[str, str]:
    """The shell's variables after the whole tour."""
    python = str(Path(sys.executable).parent)
    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour() + "\n" + "".join(f'echo "@{n}=${n}"\n' for n in REMEMBERED)],
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


def test_the_tour_ends_with_the_photograph_in_the_other_persons_feed(toured: dict[str, str]) -> None:
    post = newest_in_feed(toured)
    assert post["id"] == toured["POST"]
    assert post["author"]["handle"] == toured["MIRA"]
    assert [mention["handle"] for mention in post["mentions"]] == [toured["THEO"]]
    assert [medium["id"] for medium in post["media"]] == [toured["MEDIA"]]
    assert_published_bare_and_upright(toured, post)
    # A public post of a public account: as soon as the worker has made the copies, its URLs are permanent.
    eventually(lambda: permanent(newest_in_feed(toured)), every=0.2, otherwise="the URLs are still signed ones")
    assert_published_bare_and_upright(toured, newest_in_feed(toured))


def assert_published_bare_and_upright(toured: dict[str, str], post: dict[str, Any]) -> None:
    original = Image.open(Path(toured["TOUR"]) / "photo.jpg")
    assert original.getexif()[0x0112] == 6, "the tour's photograph no longer lies on its side"
    for variant in post["media"][0]["variants"]:
        answer = requests.get(variant["url"], timeout=10)
        assert answer.headers["Content-Type"] == variant["content_type"]
        assert b"Exif" not in answer.content
        published = Image.open(io.BytesIO(answer.content))
        assert not published.getexif()
        assert not {"exif", "xmp", "comment", "photoshop", "gps"} & set(published.info)
        # The pixels of the upload lie on their side; those of the variants do not.
        assert (published.width > published.height) is (original.height > original.width)
