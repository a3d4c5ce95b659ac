"""Backs up the database and both buckets into one folder, and restores them.

The order matters: first the database, then the objects. An object uploaded in between has no row in the backup, and
the daily inventory removes it. The other way round there would be rows without objects.

    database.dump     pg_dump's custom format
    private/, public/ the objects, by key
    manifest.jsonl    a line for each object, with its hash; the last line marks the backup as complete
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
from apps.core.db.queries import load
from apps.media import storage

FORMAT = 1
DUMP, MANIFEST = "database.dump", "manifest.jsonl"
THREADS = 8
BATCH = 1000
TRIES = 4
T = TypeVar("T")


class BackupFailed(Exception):
    """The message is for the operator."""


# Errors that end a backup or a restore. The operator sees the message.
FAILURES = (BackupFailed, storage.StorageError, psycopg.Error, OSError)


@dataclass(frozen=True)
class Saved:
    """One object of the manifest. `place` is "private" or "public", independent of the names of the buckets."""

    place: str
    key: str
    etag: str
    bytes: int
    sha256: str
    headers: dict[str, str]

    def file(self, folder: Path) -> Path:
        """The file in the backup. Raises BackupFailed for a key that leads out of the folder."""
        top = (folder / self.place).resolve()
        file = (top / self.key).resolve()
        if not file.is_relative_to(top):
            raise BackupFailed(f"{self.key!r} is not a valid key.")
        return file


@dataclass(frozen=True)
class Manifest:
    made_at: str
    dump_sha256: str
    objects: list[Saved]

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.objects)


# ── Backing up ──────────────────────────────────────────────────────────────────────────────────────────
def make(folder: Path, *, previous: Path | None, on_progress: Callable[[int], object]) -> Manifest:
    """Back up into `folder`, which must be new or empty. Objects that `previous` has in the same version are shared
    with it by hard links. `on_progress` gets the size of each batch of objects. Raises BackupFailed, StorageError."""
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
                saved = [each for each in _in_threads(save, batch) if each]
                _write(manifest, map(asdict, saved))
                count += len(saved)
                on_progress(len(saved))
        _write(manifest, [{"whole": count}])
    return read_manifest(folder)


def dump(file: Path) -> None:
    """Dump a consistent snapshot of the database."""
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
    """None for an object that was deleted meanwhile."""
    before = known.get((place, entry.key))
    saved = Saved(place, entry.key, entry.etag, entry.bytes, "", {})
    file = saved.file(folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    if previous and before and (before.etag, before.bytes) == (entry.etag, entry.bytes):
        os.link(before.file(previous), file)
        return before
    try:
        headers = _with_retries(lambda: storage.fetch(bucket, entry.key, to=file))
    except storage.ObjectNotFound:
        file.unlink()
        return None
    return Saved(place, entry.key, entry.etag, file.stat().st_size, _sha256(file), headers)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────
def read_manifest(folder: Path) -> Manifest:
    """Raises BackupFailed if the backup was not completed."""
    try:
        with (folder / MANIFEST).open(encoding="utf-8") as lines:
            first, *objects, last = map(json.loads, lines)
    except (OSError, ValueError) as error:
        raise BackupFailed(f"There is no complete backup in {folder}.") from error
    if first.get("format") != FORMAT or last.get("whole") != len(objects):
        raise BackupFailed(f"The backup in {folder} was not completed, or comes from another version of Photogram.")
    return Manifest(first["made_at"], first["dump_sha256"], [Saved(**each) for each in objects])


def verify(folder: Path) -> Manifest:
    """Compare the hash of every file. Raises BackupFailed."""
    manifest = read_manifest(folder)
    damaged = [each.key for each in manifest.objects if _sha256(each.file(folder)) != each.sha256]
    if _sha256(folder / DUMP) != manifest.dump_sha256:
        damaged.insert(0, DUMP)
    if damaged:
        raise BackupFailed(f"{len(damaged)} files of the backup are damaged or missing: {', '.join(damaged[:5])}")
    return manifest


# ── Restoring ────────────────────────────────────────────────────────────────────────────────────────────
def refuse_to_overwrite() -> None:
    """Raises BackupFailed if the database or a bucket is not empty."""
    with psycopg.connect(settings.DATABASE_DIRECT_URL) as connection:
        if connection.execute(load("media/database_has_tables")).fetchone():
            raise BackupFailed("The database is not empty: restore into a new one.")
    for bucket in _buckets().values():
        if next(storage.listing(bucket), None):
            raise BackupFailed(f"The bucket {bucket} is not empty: restore into a new one.")


def restore_database(folder: Path) -> None:
    """Restore into an empty database, in one transaction. The connecting role becomes the owner."""
    address = f"--dbname={_address()}"
    _run("pg_restore", "--single-transaction", "--no-owner", "--no-privileges", address, str(folder / DUMP))


def restore_objects(folder: Path, manifest: Manifest, *, on_progress: Callable[[int], object]) -> None:
    """Upload the objects, after the database was restored. Raises StorageError."""
    buckets = _buckets()

    def put_back(each: Saved) -> tuple[Saved, str]:
        file, in_parts = each.file(folder), "-" in each.etag
        write = partial(storage.put_back, buckets[each.place], each.key, headers=each.headers, in_parts=in_parts)
        return each, _with_retries(lambda: write(file))

    with psycopg.connect(settings.DATABASE_DIRECT_URL, autocommit=True) as connection:
        for batch in in_batches(manifest.objects, BATCH):
            for each, etag in _in_threads(put_back, batch):
                if etag != each.etag:
                    values = {"etag": etag, "key": each.key, "former_etag": each.etag}
                    connection.execute(load("media/set_restored_etag"), values)
            on_progress(len(batch))


# ── Details ─────────────────────────────────────────────────────────────────────────────────────────────────
def _buckets() -> dict[str, str]:
    return {"private": settings.S3_PRIVATE_BUCKET, "public": settings.S3_PUBLIC_BUCKET}


def _address() -> str:
    """Without the password, which other users of the machine could see in the process list."""
    parts = conninfo_to_dict(settings.DATABASE_DIRECT_URL)
    return make_conninfo("", **{name: value for name, value in parts.items() if name != "password"})


def _run(program: str, *arguments: str) -> None:
    """Run a client program of PostgreSQL, which must not be older than the server. Raises BackupFailed."""
    path = shutil.which(program)
    with psycopg.connect(settings.DATABASE_DIRECT_URL) as connection:
        wanted = connection.info.server_version // 10_000
    if path is None:
        raise BackupFailed(f"{program} was not found: install PostgreSQL's client programs, version {wanted}.")
    version = _execute(path, "--version").stdout.split()[2]
    if int(version.split(".")[0]) < wanted:
        raise BackupFailed(
            f"{path} has version {version}, the server has {wanted}: install postgresql-client-{wanted}."
        )
    done = _execute(path, "--no-password", *arguments)
    if done.returncode:
        raise BackupFailed(f"{program} failed: {done.stderr.strip()[-2000:]}")


def _execute(*argv: str) -> "subprocess.CompletedProcess[str]":
    password = conninfo_to_dict(settings.DATABASE_DIRECT_URL).get("password")
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    return subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)  # noqa: S603  (no user input)


def _with_retries(call: Callable[[], T]) -> T:
    """A short outage of storage must not end a backup that takes hours."""
    for attempt in range(1, TRIES):
        try:
            return call()
        except storage.ObjectNotFound:
            raise
        except storage.StorageError:
            time.sleep(2**attempt)
    return call()


def _in_threads(call: Callable[[Any], T], items: list[Any]) -> list[T]:
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(call, items))


def _write(manifest: Any, lines: Iterable[dict[str, Any]]) -> None:
    manifest.writelines(f"{json.dumps(line)}\n" for line in lines)


def _sha256(file: Path) -> str:
    """The hash of the bytes; empty if the file does not exist."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
