"""The archive of everything that is held on a person: a zip to read by eye, by machine, and with the originals.

    index.html               to look at: one page, without scripts, that refers to nothing outside the archive
    data/<kind>.json         every row that any context tells of, one file for each kind
    media/<media id>.<ext>   the originals, byte by byte
    README.txt

Rows and photos pass through one by one, so that the memory it takes does not grow with the account.
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
from apps.core.times import timestamp
from apps.media import storage

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/avif": "avif",
}
# Of each kind but posts; the rest is in the data.
ROWS_SHOWN = 1000
# Of the files in the zip: readable, and writable by who unpacks it.
MODE = 0o644 << 16


@dataclass
class Contents:
    """What has been gathered: a file of lines for each kind, its number of rows, and the photos that are in the zip."""

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
    """Write the zip to `archive`; `folder` takes what is needed meanwhile. Raises storage.StorageError, OSError."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as into:
        contents = _gather(user.pk, into, folder)
        for kind in contents.lines:
            _write_json(into, kind, contents)
        about = {"handle": user.handle, "made_at": timestamp(timezone.now()), "counts": sorted(contents.counts.items())}
        page = render_to_string("export/index.html", about | _shown(contents))
        into.writestr(_entry("index.html"), page)
        into.writestr(_entry("README.txt"), render_to_string("export/readme.txt", about))


def _gather(user_id: UUID, into: zipfile.ZipFile, folder: Path) -> Contents:
    """Ask every context, lowest first, and take in the photos on the way."""
    contents = Contents()
    with ExitStack() as files:
        written: dict[str, IO[bytes]] = {}
        for context in reversed(privacy.in_dependency_order()):
            for kind, told in context.export_user(user_id):
                if kind not in written:
                    contents.lines[kind] = folder / f"{kind}.lines"
                    written[kind] = files.enter_context(contents.lines[kind].open("wb"))
                row = _with_photo(told, into, contents) if kind == "media" else told
                written[kind].write(_dumps(row) + b"\n")
                contents.counts[kind] = contents.counts.get(kind, 0) + 1
    return contents


def _with_photo(told: dict[str, Any], into: zipfile.ZipFile, contents: Contents) -> dict[str, Any]:
    """The row with the name of the file in place of the original's key, which is nobody's business."""
    row = {name: value for name, value in told.items() if name != "original"} | {"file": None}
    name = f"media/{row['id']}.{EXTENSIONS.get(row['content_type'], 'bin')}"
    # Of an upload that was not completed there is no original.
    if row["status"] != "pending" and _take_in(told["original"], into, name):
        row["file"] = name
        contents.photos[row["id"]] = {"file": name, "alt_text": row["alt_text"]}
    return row


def _take_in(key: str, into: zipfile.ZipFile, name: str) -> bool:
    """Photos are compressed already. False for one that was deleted a moment ago."""
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


def _shown(contents: Contents) -> dict[str, Any]:
    """What the page is made of."""
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
    """(label, value) of what there is to say."""
    said = {name: value for name, value in row.items() if value not in (None, "", [], {})}
    return [
        (name.replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in said.items()
    ]


def _entry(name: str, compression: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, timezone.now().timetuple()[:6])
    entry.compress_type = compression
    entry.external_attr = MODE
    return entry


def _dumps(row: dict[str, Any]) -> bytes:
    """Times as the API writes them."""
    return orjson.dumps(row, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: Any) -> str:
    return timestamp(value) if isinstance(value, datetime) else str(value)
