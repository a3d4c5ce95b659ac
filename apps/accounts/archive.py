"""The archive of a user's data, a zip file:

    index.html               one page for people, without scripts and without references outside the archive
    data/<kind>.json         the exported rows of all apps, one file for each kind
    media/<media id>.<ext>   the uploaded originals
    README.txt

Rows and photos are streamed, so that memory does not grow with the size of the account.
"""

import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import orjson
from django.template.loader import render_to_string
from django.utils import timezone

from apps.accounts.models import User
from apps.core import privacy
from apps.core.languages import use_language
from apps.core.times import timestamp
from apps.media import storage
from apps.site import reads as site

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/avif": "avif",
}
# Rows of each kind but posts that index.html shows.
ROWS_SHOWN = 1000
# The mode of the files in the zip: readable, and writable by the owner.
MODE = 0o644 << 16


@dataclass
class Contents:
    """The exported rows: for each kind a file of JSON lines and a count; and the photos in the zip."""

    lines: dict[str, Path] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    photos: dict[str, dict[str, Any]] = field(default_factory=dict)

    def rows(self, kind: str) -> Iterator[dict[str, Any]]:
        if kind not in self.lines:
            return
        with self.lines[kind].open("rb") as file:
            for line in file:
                yield orjson.loads(line)


def name_for(user: User) -> str:
    return f"photogram-{user.handle}-{timezone.now():%Y-%m-%d}.zip"


def write(archive: Path, *, user: User, folder: Path) -> None:
    """Write the zip to `archive`, with temporary files in `folder`. Raises storage.StorageError, OSError."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as into:
        contents = _gather(user.pk, into, folder)
        for kind in contents.lines:
            _write_json(into, kind, contents)
        about = {
            "site_name": site.current().name,
            "handle": user.handle,
            "made_at": timestamp(timezone.now()),
            "counts": sorted(contents.counts.items()),
        }
        with use_language(user.locale):
            page = render_to_string("export/index.html", about | _page_context(contents))
            readme = render_to_string("export/readme.txt", about)
        into.writestr(_entry("index.html"), page)
        into.writestr(_entry("README.txt"), readme)


def _gather(user_id: UUID, into: zipfile.ZipFile, folder: Path) -> Contents:
    """Export the rows of every app, lowest first, and copy the photos into the zip."""
    contents = Contents()
    with ExitStack() as files:
        written: dict[str, IO[bytes]] = {}
        for context in reversed(privacy.in_dependency_order()):
            for kind, exported in context.export_user(user_id):
                if kind not in written:
                    contents.lines[kind] = folder / f"{kind}.lines"
                    written[kind] = files.enter_context(contents.lines[kind].open("wb"))
                row = _with_photo(exported, into, contents) if kind == "media" else exported
                written[kind].write(_dumps(row) + b"\n")
                contents.counts[kind] = contents.counts.get(kind, 0) + 1
    return contents


def _with_photo(exported: dict[str, Any], into: zipfile.ZipFile, contents: Contents) -> dict[str, Any]:
    """Copy the photo and return the row with the name of the file in place of the storage key."""
    row = {name: value for name, value in exported.items() if name != "original"} | {"file": None}
    name = f"media/{row['id']}.{EXTENSIONS.get(row['content_type'], 'bin')}"
    # An upload that was not completed has no original.
    if row["status"] != "pending" and _copy_photo(exported["original"], into, name):
        row["file"] = name
        contents.photos[row["id"]] = {"file": name, "alt_text": row["alt_text"]}
    return row


def _copy_photo(key: str, into: zipfile.ZipFile, name: str) -> bool:
    """Copy an original without compression. Returns False if it was deleted meanwhile."""
    pieces = storage.read(key)
    try:
        first = next(pieces, b"")
    except storage.ObjectNotFound:
        return False
    with into.open(_entry(name, zipfile.ZIP_STORED), "w", force_zip64=True) as file:
        file.write(first)
        for piece in pieces:
            file.write(piece)
    return True


def _write_json(into: zipfile.ZipFile, kind: str, contents: Contents) -> None:
    with (
        into.open(_entry(f"data/{kind}.json"), "w", force_zip64=True) as file,
        contents.lines[kind].open("rb") as lines,
    ):
        file.write(b"[\n")
        for number, line in enumerate(lines):
            file.write((b",\n" if number else b"") + line.rstrip(b"\n"))
        file.write(b"\n]\n")


def _page_context(contents: Contents) -> dict[str, Any]:
    """The context of index.html."""
    account = [_readable(row) for row in contents.rows("account")]
    posts = [row | {"photos": _photos_of(row, contents)} for row in contents.rows("posts")]
    in_posts = {pk for post in posts for pk in post["media"]}
    return {
        "account": account[0] if account else [],
        "posts": posts,
        "other_photos": [photo for pk, photo in contents.photos.items() if pk not in in_posts],
        "sections": [
            {
                "title": kind.replace("_", " ").capitalize(),
                "file": f"data/{kind}.json",
                "count": contents.counts[kind],
                "rows": [_readable(row) for row in islice(contents.rows(kind), ROWS_SHOWN)],
            }
            for kind in contents.lines
            if kind not in {"account", "posts", "media"}
        ],
        "rows_shown": ROWS_SHOWN,
    }


def _photos_of(post: dict[str, Any], contents: Contents) -> list[dict[str, Any]]:
    return [contents.photos[pk] for pk in post["media"] if pk in contents.photos]


def _readable(row: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, value) of the fields that have a value."""
    present = {name: value for name, value in row.items() if value not in (None, "", [], {})}
    return [
        (name.replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in present.items()
    ]


def _entry(name: str, compression: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, timezone.now().timetuple()[:6])
    entry.compress_type = compression
    entry.external_attr = MODE
    return entry


def _dumps(row: dict[str, Any]) -> bytes:
    """JSON with times as in the API."""
    return orjson.dumps(row, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: Any) -> str:
    return timestamp(value) if isinstance(value, datetime) else str(value)
