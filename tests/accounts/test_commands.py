"""`manage.py cleanup_tokens`, `erase_user` and `export_user`."""

import io
import json
import signal
import stat
import zipfile
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session as ConsoleSession
from django.core.management import call_command
from django.utils import timezone

from apps.accounts import archive, services
from apps.accounts.models import EmailedToken, Erasure, Session, User
from apps.content.models import Post
from apps.core.models import IdempotencyKey, RateBucket
from apps.media import storage
from apps.media.models import Media
from tests.commands import interrupt, run
from tests.conftest import Caller
from tests.factories import PASSWORD, PostFactory
from tests.media.uploads import ready

pytestmark = pytest.mark.django_db


class TestCleanupTokens:
    KINDS = (Session, ConsoleSession, EmailedToken, IdempotencyKey, RateBucket)

    @pytest.fixture(autouse=True)
    def _rows(self, alice):
        """Of each kind one that has expired and one that has not."""
        long_ago, soon = timezone.now() - timedelta(days=40), timezone.now() + timedelta(days=1)
        for number, moment in enumerate((long_ago, soon)):
            Session.objects.create(user=alice, expires_at=moment)
            ConsoleSession.objects.create(session_key=str(number), session_data="", expire_date=moment)
            EmailedToken.objects.create(user=alice, purpose="confirm_email", digest=str(number), expires_at=moment)
            IdempotencyKey.objects.create(
                user=alice, route="", key=str(number), status=200, body=b"", created_at=moment
            )
            RateBucket.objects.create(key=str(number), count=1, expires_at=moment)

    def counts(self):
        return [model.objects.count() for model in self.KINDS]

    def test_expired_rows_are_deleted_and_others_are_kept(self):
        outcome = run("cleanup_tokens")
        assert outcome.code == 0
        assert "console sessions  1" in outcome.out
        assert self.counts() == [1, 1, 1, 1, 1]
        assert set(run("cleanup_tokens", "--json").json["expired"].values()) == {0}

    def test_dry_run_counts_rows_and_deletes_none(self):
        outcome = run("cleanup_tokens", "--dry-run", "--json")
        assert list(outcome.json["expired"].values()) == [1, 1, 1, 1, 1]
        assert self.counts() == [2, 2, 2, 2, 2]

    def test_stopped_run_reports_progress_and_the_next_run_continues(self, monkeypatch):
        interrupt(monkeypatch)
        outcome = run("cleanup_tokens", "--json")
        assert (outcome.code, outcome.json["stopped"]) == (130, True)
        assert list(outcome.json["expired"].values()) == [1, 0, 0, 0, 0]
        assert self.counts() == [1, 2, 2, 2, 2]
        monkeypatch.undo()
        run("cleanup_tokens")
        assert self.counts() == [1, 1, 1, 1, 1]


class TestEraseUser:
    @pytest.mark.parametrize("who", ["alice@example.org", None], ids=str)
    def test_account_is_hidden_at_once_and_erased_by_a_worker(self, alice, bob, api, deliver, who):
        post, caller = PostFactory(author=alice, photos=0), api(alice)
        outcome = run("erase_user", who or str(alice.pk), "--yes")
        assert outcome.code == 0
        assert caller.get("/users/me").status_code == 401
        assert Caller().get(f"/posts/{post.pk}").status_code == 404
        sign_in = Caller().post("/auth/token", {"login": "alice", "password": PASSWORD})
        assert sign_in.json()["code"] == "invalid_credentials"
        assert "apps.accounts.tasks.erase" in deliver()
        assert not User.objects.filter(pk=alice.pk).exists()
        assert not Post.objects.exists()
        assert not Erasure.objects.exists()

    @pytest.mark.parametrize("state", ["suspended", "leaving"])
    def test_account_in_any_state_is_erased(self, alice, deliver, state):
        User.objects.filter(pk=alice.pk).update(state=state)
        run("erase_user", "@alice", "--yes")
        deliver()
        assert not User.objects.filter(pk=alice.pk).exists()

    def test_lost_task_is_enqueued_again_by_the_sweep(self, alice):
        run("erase_user", "@alice", "--yes")
        erasure = Erasure.objects.get()
        assert erasure.user_id == alice.pk
        assert erasure.next_attempt_at <= timezone.now() + timedelta(seconds=60)

    def test_second_run_changes_nothing(self, alice):
        for who in ("@alice", "alice"):
            assert run("erase_user", who, "--yes").code == 0
        assert Erasure.objects.count() == 1

    def test_handle_must_be_typed_as_confirmation(self, alice, monkeypatch):
        monkeypatch.setattr("builtins.input", lambda: "alicia")
        refused = run("erase_user", "@alice")
        question, answer = refused.err.split(": ")
        assert (refused.code, answer) == (1, "The handle does not match. Nothing was changed.")
        assert "@alice (Alice)" in question
        assert User.objects.get(pk=alice.pk).is_active
        monkeypatch.setattr("builtins.input", lambda: "@alice")
        assert run("erase_user", "@alice", "--json").json["handle"] == "alice"
        assert User.objects.get(pk=alice.pk).state == "erased"

    def test_confirmation_is_asked_on_stderr(self, alice, monkeypatch, capsys):
        monkeypatch.setattr("sys.stdin", io.StringIO("alice\n"))
        call_command("erase_user", "@alice", "--json")
        printed = capsys.readouterr()
        assert json.loads(printed.out)["handle"] == "alice"
        assert "type the handle: " in printed.err

    def test_without_a_terminal_nothing_is_erased(self, alice, monkeypatch):
        def nobody():
            raise EOFError

        monkeypatch.setattr("builtins.input", nobody)
        assert run("erase_user", "@alice").code == 1
        assert User.objects.get(pk=alice.pk).is_active

    def test_dry_run_counts_the_data_and_changes_nothing(self, alice, bob):
        PostFactory(author=alice, photos=2)
        services.open_session(alice)
        outcome = run("erase_user", "@alice", "--dry-run", "--json")
        assert outcome.json["held"]["accounts"] == {"account": 1, "sessions": 1}
        assert outcome.json["held"]["content"] == {"posts": 1}
        assert outcome.json["held"]["media"] == {"media": 2}
        assert "followers" in json.dumps(outcome.json["held"]["social"])
        assert User.objects.get(pk=alice.pk).is_active
        assert not Erasure.objects.exists()
        assert "  media          2 media" in run("erase_user", "@alice", "--dry-run").out

    @pytest.mark.parametrize("who", ["@nobody", "nobody@example.org", "018f0000-0000-7000-8000-000000000000", "\0"])
    def test_unknown_user_is_an_error(self, db, who):
        assert run("erase_user", who, "--yes").err == f"There is no user {who}."


class TestExportUser:
    def test_archive_equals_the_one_that_users_request(self, alice, api, deliver, tmp_path):
        medium = ready(api(alice), deliver)
        file = tmp_path / "alice.zip"
        outcome = run("export_user", "@alice", "--output", str(file))
        assert outcome.code == 0
        assert f"{file}: {file.stat().st_size} bytes" in outcome.out
        with zipfile.ZipFile(file) as zipped:
            assert {"index.html", "README.txt", "data/account.json", f"media/{medium.pk}.jpg"} <= set(zipped.namelist())
            assert json.loads(zipped.read("data/account.json"))[0]["handle"] == "alice"
            original = b"".join(storage.read(Media.objects.get().original_key))
            assert zipped.read(f"media/{medium.pk}.jpg") == original
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [file]

    def test_default_file_name_contains_the_handle(self, alice, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        outcome = run("export_user", "alice@example.org", "--json")
        assert [file.name for file in tmp_path.iterdir()] == [archive.name_for(alice)]
        assert outcome.json["file"] == str(tmp_path / archive.name_for(alice))
        assert outcome.json["held"]["accounts"]["account"] == 1

    def test_dry_run_writes_no_file(self, alice, tmp_path):
        PostFactory(author=alice)
        outcome = run("export_user", "@alice", "--dry-run", "--json", "--output", str(tmp_path / "a.zip"))
        assert outcome.json["held"]["content"] == {"posts": 1}
        assert outcome.json["bytes"] is None
        assert not list(tmp_path.iterdir())

    def test_existing_file_is_not_overwritten(self, alice, tmp_path):
        file = tmp_path / "a.zip"
        file.write_text("precious")
        assert run("export_user", "@alice", "--output", str(file)).err == f"{file} exists already."
        assert file.read_text() == "precious"

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
    def test_stopped_run_leaves_no_file_and_can_be_repeated(self, alice, tmp_path, monkeypatch, number):
        file = tmp_path / "a.zip"
        render = archive.render_to_string

        def interrupted(*args):
            signal.raise_signal(number)
            return render(*args)

        monkeypatch.setattr(archive, "render_to_string", interrupted)
        assert run("export_user", "@alice", "--output", str(file)).code == 130
        assert not list(tmp_path.iterdir())
        monkeypatch.undo()
        assert run("export_user", "@alice", "--output", str(file)).code == 0
        assert file.exists()

    def test_unavailable_storage_leaves_no_file(self, alice, tmp_path, monkeypatch):
        def away(*_, **__):
            raise storage.StorageError("no answer")

        monkeypatch.setattr(archive, "write", away)
        outcome = run("export_user", "@alice", "--output", str(tmp_path / "a.zip"))
        assert (outcome.code, outcome.err) == (1, "The archive could not be written: no answer")
        assert not list(tmp_path.iterdir())

    def test_unknown_user_is_an_error(self, db):
        assert run("export_user", "@nobody").code == 1
