"""How much the feed loads before its photos, as a browser that accepts Brotli receives it."""

import re
from pathlib import Path

import brotli
import django_htmx
import pytest
from django.core.files.base import ContentFile

from apps.media.models import Media
from apps.web.lists import POSTS
from config.storage import StaticFilesStorage
from tests.factories import FollowFactory, PostFactory

STATIC = Path(__file__).resolve().parents[2] / "static"
MODULES = STATIC / "web" / "js"
# What the feed of a member loads.
SCRIPTS = ["vendor/htmx.js", "js/app.js", "js/member.js", "js/posts.js"]
KB = 1000


def compressed(content: bytes) -> int:
    return len(brotli.compress(content, quality=11))


def size_of(names: list[str]) -> int:
    return sum(compressed((STATIC / "web" / name).read_bytes()) for name in names)


def test_scripts_and_styles_of_the_feed_are_small():
    assert size_of(SCRIPTS) <= 26 * KB
    assert size_of([file.name for file in (STATIC / "web").glob("*.css")]) <= 12 * KB


def test_scripts_of_the_composer_are_small():
    assert size_of(["js/composer.js", "js/queue.js", "js/crop.js"]) <= 18 * KB


@pytest.mark.django_db
def test_feed_loads_at_most_70_kb_before_the_photos(alice, bob, browse):
    FollowFactory(follower=alice, followed=bob)
    for number in range(10):
        PostFactory(author=alice, photos=3, caption=f"Low tide {number} at #husum with @bob. " * 8)
    Media.objects.update(alt_text="Two boats on the mud at low tide, seen from the harbour wall.")
    page = browse(bob).get("/").content
    assert page.count(b"<article") == POSTS
    # Members also load js/member.js, after the page.
    named = re.findall(r'(?:src|href)="/static/web/([^"]+\.(?:js|css))"', page.decode())
    assert sorted([*named, "js/member.js"]) == sorted([*SCRIPTS, "app.css"])
    assert compressed(page) + size_of([*SCRIPTS, "app.css"]) <= 70 * KB


def test_htmx_is_that_of_the_package():
    package = Path(django_htmx.__file__).parent / "static" / "django_htmx"
    extensions = [package / "ext" / f"hx-{name}-4.min.js" for name in ("head", "preload", "optimistic")]
    expected = b"".join(file.read_bytes() for file in (package / "htmx-4.min.js", *extensions))
    assert (STATIC / "web" / "vendor" / "htmx.js").read_bytes() == expected, "Run `make vendor`."


def test_modules_import_each_other_by_the_names_of_the_page(tmp_path):
    """In production a name contains a hash. Any change of a module changes the names of all."""
    names = [f"web/js/{file.name}" for file in MODULES.glob("*.js")]
    collected = [collect(names, tmp_path / "first"), collect(names, tmp_path / "second", change="web/js/keys.js")]
    for storage in collected:
        for name in names:
            text = storage.open(storage.hashed_files[name]).read().decode()
            imported = re.findall(r"""(?:from|import)[ (]+["']\./([^"']+)["']""", text)
            assert {f"web/js/{each}" for each in imported} <= set(storage.hashed_files.values())
    first, second = (set(storage.hashed_files.values()) for storage in collected)
    assert not first & second


def collect(names, folder, change=""):
    """The storage of production after `collectstatic` of these files, of which one has changed."""
    storage = StaticFilesStorage(location=folder, base_url="/static/")
    for name in names:
        content = (STATIC / name).read_bytes() + (b"\n" if name == change else b"")
        storage.save(name, ContentFile(content))
    failed = [
        done
        for *_, done in storage.post_process({name: (storage, name) for name in names})
        if done not in (True, False)
    ]
    assert failed == []
    return storage
