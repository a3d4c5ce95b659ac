"""The whole of Photogram in one folder, and back: the database, then the objects of both buckets.

The order matters. What is uploaded after the database was read is an object that no row knows, which the daily
inventory removes; the other way round there would be rows without objects.

    database.dump     pg_dump's custom format
    private/, public/ the objects, by key
    manifest.jsonl    a line for each object, with its hash; the last one says that the backup is whole
"""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.utils import timezone
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from apps.core.db.batches import in_batches
from apps.media import storage

FORMAT = 1
DUMP, MANIFEST = "database.dump", "manifest.jsonl"
AT_ONCE = 8
BATCH = 1000
TRIES = 4
T = TypeVar("T")


class BackupFailed(Exception):
    """The message is for the operator."""


# What ends a backup or a restore before its time, each with a message that tells an operator enough.
FAILURES = (BackupFailed, storage.StorageError, psycopg.Error, OSError)


@dataclass(frozen=True)
class Saved:
    """One object of the manifest. `place` is "private" or "public", whatever the buckets are called."""

    place: str
    key: str
    etag: str
    bytes: int
    sha256: str
    headers: dict[str, str]

    def file(self, folder: Path) -> Path:
        """Where it lies. Raises BackupFailed for a key that leads out of the folder."""
        top = (folder / self.place).resolve()
        file = (top / self.key).resolve()
        if not file.is_relative_to(top):
            raise BackupFailed(f"{self.key!r} is no key of ours.")
        return file


@dataclass(frozen=True)
class Manifest:
    made_at: str
    dump_sha256: str
    objects: list[Saved]

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.objects)


# ── Making one ───────────────────────────────────────────────────────────────────────────────────────────
def make(folder: Path, *, previous: Path | None, told: Callable[[int], object]) -> Manifest:
    """Back up into `folder`, which must be new or empty. Objects that `previous` has in the same version are shared
    with it by hard links. `told` hears of each batch of objects. Raises BackupFailed, StorageError."""
    if folder.exists() and any(folder.iterdir()):
        raise BackupFailed(f"{folder} is not empty.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made_at = timezone.now().isoformat(timespec="seconds")
    known = {(each.place, each.key): each for each in read_manifest(previous).objects} if previous else {}
    dump(folder / DUMP)
    lines = [{"format": FORMAT, "made_at": made_at, "dump_sha256": _sha256(folder / DUMP)}]
    with (folder / MANIFEST).open("w") as manifest:
        _write(manifest, lines)
        count = 0
        for place, bucket in _buckets().items():
            for batch in in_batches(storage.listing(bucket), BATCH):
                save = partial(_save, folder, place, bucket, known=known, previous=previous)
                saved = [each for each in _at_once(save, batch) if each]
                _write(manifest, map(asdict, saved))
                count += len(saved)
                told(len(saved))
        _write(manifest, [{"whole": count}])
    return read_manifest(folder)


def dump(file: Path) -> None:
    """The database as it was at one moment."""
    _run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={_address()}")


def _save(
    folder: Path,
    place: str,
    bucket: str,
    entry: storage.ListedObject,
    *,
    known: dict[tuple[str, str], Saved],
    previous: Path | None,
) -> Saved | None:
    """None for an object that is gone meanwhile."""
    before = known.get((place, entry.key))
    saved = Saved(place, entry.key, entry.etag, entry.bytes, "", {})
    file = saved.file(folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    if previous and before and (before.etag, before.bytes) == (entry.etag, entry.bytes):
        os.link(before.file(previous), file)
        return before
    try:
        headers = _patiently(lambda: storage.fetch(bucket, entry.key, to=file))
    except storage.ObjectNotFound:
        file.unlink()
        return None
    return Saved(place, entry.key, entry.etag, file.stat().st_size, _sha256(file), headers)


# ── Reading one ──────────────────────────────────────────────────────────────────────────────────────────
def read_manifest(folder: Path) -> Manifest:
    """Raises BackupFailed when the backup was never finished."""
    try:
        with (folder / MANIFEST).open(encoding="utf-8") as lines:
            first, *objects, last = map(json.loads, lines)
    except (OSError, ValueError) as error:
        raise BackupFailed(f"There is no whole backup in {folder}.") from error
    if first.get("format") != FORMAT or last.get("whole") != len(objects):
        raise BackupFailed(f"The backup in {folder} was never finished, or is of another version of Photogram.")
    return Manifest(first["made_at"], first["dump_sha256"], [Saved(**each) for each in objects])


def verify(folder: Path) -> Manifest:
    """Every byte is what it was. Raises BackupFailed."""
    manifest = read_manifest(folder)
    damaged = [each.key for each in manifest.objects if _sha256(each.file(folder)) != each.sha256]
    if _sha256(folder / DUMP) != manifest.dump_sha256:
        damaged.insert(0, DUMP)
    if damaged:
        raise BackupFailed(f"{len(damaged)} files of the backup are damaged or gone: {', '.join(damaged[:5])}")
    return manifest


# ── Putting one back ─────────────────────────────────────────────────────────────────────────────────────
def refuse_to_overwrite() -> None:
    """Raises BackupFailed when there is anything where a backup would go."""
    with psycopg.connect(settings.DATABASE_DIRECT_URL) as connection:
        if connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchone():
            raise BackupFailed("The database is not empty: restore into a new one.")
    for bucket in _buckets().values():
        if next(storage.listing(bucket), None):
            raise BackupFailed(f"The bucket {bucket} is not empty: restore into a new one.")


def restore_database(folder: Path) -> None:
    """All of it or nothing, into an empty database, owned by whoever connects."""
    address = f"--dbname={_address()}"
    _run("pg_restore", "--single-transaction", "--no-owner", "--no-privileges", address, str(folder / DUMP))


def restore_objects(folder: Path, manifest: Manifest, *, told: Callable[[int], object]) -> None:
    """After the database. Raises StorageError."""
    buckets = _buckets()

    def put_back(each: Saved) -> tuple[Saved, str]:
        file, in_parts = each.file(folder), "-" in each.etag
        write = partial(storage.put_back, buckets[each.place], each.key, headers=each.headers, in_parts=in_parts)
        return each, _patiently(lambda: write(file))

    with psycopg.connect(settings.DATABASE_DIRECT_URL, autocommit=True) as connection:
        for batch in in_batches(manifest.objects, BATCH):
            for each, etag in _at_once(put_back, batch):
                if etag != each.etag:
                    # Another server's ETag of the same bytes; jobs ask for the original by it.
                    connection.execute(_RENAME, [etag, each.key, each.etag])
            told(len(batch))


_RENAME = "UPDATE media_media SET original_etag = %s WHERE original_key = %s AND original_etag = %s"


# ── How ──────────────────────────────────────────────────────────────────────────────────────────────────
def _buckets() -> dict[str, str]:
    return {"private": settings.S3_PRIVATE_BUCKET, "public": settings.S3_PUBLIC_BUCKET}


def _address() -> str:
    """Without the password, which other users of the machine would see in the list of processes."""
    parts = conninfo_to_dict(settings.DATABASE_DIRECT_URL)
    return make_conninfo("", **{name: value for name, value in parts.items() if name != "password"})


def _run(program: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs, which must not be older than the server."""
    path = shutil.which(program)
    with psycopg.connect(settings.DATABASE_DIRECT_URL) as connection:
        wanted = connection.info.server_version // 10_000
    if path is None:
        raise BackupFailed(f"{program} is not there: install PostgreSQL's client programs, version {wanted}.")
    version = _execute(path, "--version").stdout.split()[2]
    if int(version.split(".")[0]) < wanted:
        raise BackupFailed(
            f"{path} is of version {version}, the server of {wanted}: install postgresql-client-{wanted}."
        )
    done = _execute(path, "--no-password", *arguments)
    if done.returncode:
        raise BackupFailed(f"{program} failed: {done.stderr.strip()[-2000:]}")


def _execute(*argv: str) -> "subprocess.CompletedProcess[str]":
    password = conninfo_to_dict(settings.DATABASE_DIRECT_URL).get("password")
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    return subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)  # noqa: S603  (our words)


def _patiently(call: Callable[[], T]) -> T:
    """A hiccup of storage is no reason to begin a backup of hours again."""
    for attempt in range(1, TRIES):
        try:
            return call()
        except storage.ObjectNotFound:
            raise
        except storage.StorageError:
            time.sleep(2**attempt)
    return call()


def _at_once(call: Callable[[Any], T], items: list[Any]) -> list[T]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(call, items))


def _write(manifest: Any, lines: Iterable[dict[str, Any]]) -> None:
    manifest.writelines(f"{json.dumps(line)}\n" for line in lines)


def _sha256(file: Path) -> str:
    """Of its bytes; empty when it is not there."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
