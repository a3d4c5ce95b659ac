"""A backup that is really made, lost servers, and a restore that is really used."""

import errno
import io
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command

from apps.media import backup, storage
from devstack.binaries import installed_programs
from tests import commands
from tests.databases import url_of
from tests.media.uploads import jpeg, ready, use_storage

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Servers:
    """Where a whole Photogram lies: a database and two buckets of its own."""

    database_url: str
    private: str
    public: str

    def use(self, settings: Any) -> None:
        settings.DATABASE_DIRECT_URL = self.database_url
        use_storage(settings, private=self.private, public=self.public)
        settings.MEDIA_CDN_URL = f"{settings.S3_PUBLIC_ENDPOINT_URL}/{self.public}"

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "S3_PRIVATE_BUCKET": self.private,
            "S3_PUBLIC_BUCKET": self.public,
            "MEDIA_CDN_URL": f"{os.environ['S3_ENDPOINT_URL']}/{self.public}",
        }

    def lose_objects(self) -> None:
        for bucket in (self.private, self.public):
            if keys := [entry.key for entry in storage.listing(bucket)]:
                storage.delete(bucket, keys)


def buckets() -> tuple[str, str]:
    name = f"backup-{secrets.token_hex(4)}"
    return f"{name}-private", f"{name}-public"


@pytest.fixture
def here(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    """The tests' database, buckets of its own, and PostgreSQL's programs."""
    servers = Servers(url_of(), *buckets())
    monkeypatch.setenv("PATH", f"{installed_programs()}{os.pathsep}{os.environ['PATH']}")
    servers.use(settings)
    call_command("ensure_buckets", stdout=io.StringIO())
    yield servers
    servers.lose_objects()


@pytest.fixture
def elsewhere() -> Iterator[Servers]:
    """Empty: a new database, and buckets that are not even made."""
    database = f"restored_{secrets.token_hex(4)}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"CREATE DATABASE {database}")
        servers = Servers(url_of(database), *buckets())
        yield servers
        server.execute(f"DROP DATABASE {database} WITH (FORCE)")


def run(*arguments: str) -> dict[str, Any]:
    done = commands.run(*arguments, "--json")
    assert done.code == 0, done.err
    return done.json


@pytest.mark.slow
def test_post_with_its_photo_is_restored_on_empty_servers(
    here: Servers, elsewhere: Servers, alice: Any, api: Callable[..., Any], deliver: Any, settings: Any, tmp_path: Path
) -> None:
    medium = ready(api(alice), deliver, data=jpeg(size=(1600, 1200)))
    post = api(alice).post("/posts", {"media_ids": [str(medium.pk)], "caption": "Kept for good"}).json()
    deliver()
    made = run("backup", "--output", str(tmp_path / "backup"))
    # What was uploaded, the original made of it, six variants, and their six public copies.
    assert made["objects"] == 14
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    here.lose_objects()

    elsewhere.use(settings)
    assert run("restore", str(tmp_path / "backup"), "--dry-run")["dry_run"] is True
    assert run("restore", str(tmp_path / "backup"))["objects"] == 14
    elsewhere.use(settings)
    refused("not empty", "restore", tmp_path / "backup")
    looked = subprocess.run(
        [sys.executable, "-m", "tests.operations.restored_client", post["id"], "alice"],
        check=False,
        cwd=ROOT,
        env=os.environ | elsewhere.environment(),
        capture_output=True,
        text=True,
    )
    assert looked.returncode == 0, looked.stderr[-2000:]
    seen = json.loads(looked.stdout)
    elsewhere.lose_objects()
    assert seen["caption"] == "Kept for good"
    assert seen["rendered_again"] == "ready"
    assert len(seen["pictures"]) == 6
    for name, (kind, caching, length) in seen["pictures"].items():
        assert name.endswith(kind)
        assert "immutable" in caching
        assert length == seen["declared"][name]


@pytest.mark.slow
def test_incomplete_backup_is_refused_before_anything_is_written(
    here: Servers, elsewhere: Servers, alice: Any, api: Any, deliver: Any, settings: Any, tmp_path: Path
) -> None:
    ready(api(alice), deliver)
    made = tmp_path / "backup"
    run("backup", "--output", str(made))
    elsewhere.use(settings)
    victim = next(path for path in (made / "private").rglob("*") if path.is_file())
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1])
    refused("damaged", "restore", made)
    victim.unlink()
    refused("damaged or missing", "restore", made, "--dry-run")
    victim.write_bytes(whole)
    manifest = made / backup.MANIFEST
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join(lines[:-1]))
    refused("was not completed", "restore", made)
    manifest.write_text("\n".join([lines[0], lines[1].replace('"key": "', '"key": "../../../etc/'), *lines[2:]]))
    refused("not a valid key", "restore", made)
    manifest.unlink()
    refused("no complete backup", "restore", made)
    refused("is not empty", "backup", "--output", made)
    with psycopg.connect(elsewhere.database_url) as fresh:
        assert fresh.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_programs_older_than_the_server_are_refused_with_advice(
    here: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "bin" / "pg_dump"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 12.3'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:/usr/bin:/bin")
    refused("install postgresql-client-18", "backup", "--output", tmp_path / "backup")


@pytest.mark.parametrize("end_of_line", ["\u2028", "\u0085"], ids=["U+2028", "U+0085"])
def test_key_with_unusual_line_separators_is_kept(tmp_path: Path, end_of_line: str) -> None:
    saved = backup.Saved("private", f"originals/a{end_of_line}b", "etag", 1, "", {})
    with (tmp_path / backup.MANIFEST).open("w") as manifest:
        first = {"format": backup.FORMAT, "made_at": "today", "dump_sha256": ""}
        backup._write(manifest, [first, asdict(saved), {"whole": 1}])
    assert backup.read_manifest(tmp_path).objects == [saved]


class TestWhatFailsIsSaidInALine:
    def test_backup_reports_a_folder_that_cannot_be_created(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        refused("Not a directory", "backup", "--output", tmp_path / "file" / "backup")

    def test_backup_reports_an_unavailable_database(self, settings: Any, tmp_path: Path) -> None:
        settings.DATABASE_DIRECT_URL = "postgresql://nobody@127.0.0.1:1/nothing"
        refused("connection failed", "backup", "--output", tmp_path / "backup")

    @pytest.mark.slow
    def test_previous_backup_on_another_disk_is_refused(
        self, here: Servers, alice: Any, api: Any, deliver: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ready(api(alice), deliver)
        run("backup", "--output", str(tmp_path / "monday"))

        def another_disk(*_: object) -> None:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

        monkeypatch.setattr(os, "link", another_disk)
        refused("cross-device", "backup", "--output", tmp_path / "tuesday", "--previous", tmp_path / "monday")

    def test_restore_reports_unreadable_source_and_missing_target(
        self, here: Servers, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run("backup", "--output", str(tmp_path / "monday"))
        settings.DATABASE_DIRECT_URL = "postgresql://nobody@127.0.0.1:1/nothing"
        refused("connection failed", "restore", tmp_path / "monday")

        def unreadable(file: Path) -> str:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(backup, "_sha256", unreadable)
        refused("Input/output error", "restore", tmp_path / "monday", "--dry-run")


def refused(why: str, *arguments: object) -> None:
    done = commands.run(*map(str, arguments))
    assert (done.code, why in done.err) == (1, True), done


@pytest.mark.slow
def test_next_backup_shares_unchanged_files(here: Servers, alice: Any, api: Any, deliver: Any, tmp_path: Path) -> None:
    first = ready(api(alice), deliver)
    run("backup", "--output", str(tmp_path / "monday"))
    ready(api(alice), deliver, data=jpeg("tomato"))
    told = run("backup", "--output", str(tmp_path / "tuesday"), "--previous", str(tmp_path / "monday"))
    assert told["objects"] == 16
    shared = [path for path in (tmp_path / "tuesday").rglob("*") if path.is_file() and path.stat().st_nlink == 2]
    assert len(shared) == 8
    assert any(path.match(first.original_key.rsplit("/", 1)[-1]) for path in shared)
    # Each is whole without the other.
    shutil.rmtree(tmp_path / "monday")
    assert run("restore", str(tmp_path / "tuesday"), "--dry-run")["objects"] == 16
