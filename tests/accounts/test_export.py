"""The archive of one's data: who gets it, what is in it, and its end; against real storage."""

import hashlib
import io
import json
import random
import re
import time
import zipfile
from datetime import timedelta
from html.parser import HTMLParser

import pytest
import requests
import time_machine
from django.conf import settings as django_settings
from django.core import mail
from django.utils import timezone

from apps.accounts import archive, exports, mails, services, tasks
from apps.accounts.models import DataExport
from apps.content import services as content
from apps.core.models import QueuedTask
from apps.core.tasks import leased
from apps.media import inventory, objects, storage, sweeps
from apps.media import services as media
from apps.media.models import PendingDeletion
from config.queues import QUEUES
from config.schedule import SCHEDULE
from tests.accounts.crashes import killed_at
from tests.conftest import Caller
from tests.factories import PASSWORD, BlockFactory, FollowFactory, MuteFactory, PostFactory, UserFactory
from tests.media.uploads import begin, fetch, jpeg, put, ready, uploaded, write
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def ask(caller, password=PASSWORD):
    return caller.post("/users/me/export", {"password": password})


def status(caller):
    return caller.get("/users/me/export").json()


def download(caller):
    """The zip behind the link, with nothing but the link."""
    answer = requests.get(status(caller)["url"], timeout=10)
    assert answer.status_code == 200
    return zipfile.ZipFile(io.BytesIO(answer.content))


def rows(zipped, kind):
    return json.loads(zipped.read(f"data/{kind}.json").decode())


def reset_password(user):
    mails.send_reset(user.email, reference="1")
    token = re.search(r"token=([\w-]+)", mail.outbox[-1].body)[1]
    services.reset_password(token=token, new="quite another phrase")


def is_there(key):
    return storage.exists(django_settings.S3_PRIVATE_BUCKET, key)


def key_of(export):
    return f"exports/{export.secret}.zip"


class TestAsking:
    def test_status_changes_from_none_to_ready(self, api, alice, deliver):
        caller = api(alice)
        assert status(caller) == {"status": "none", "url": None, "expires_at": None}
        answer = ask(caller)
        assert (answer.status_code, answer.content) == (202, b"")
        assert status(caller) == {"status": "pending", "url": None, "expires_at": None}
        deliver()
        shown = status(caller)
        assert shown["status"] == "ready"
        assert rows(download(caller), "account")[0]["email"] == "alice@example.org"
        assert shown["url"] == status(caller)["url"]

    def test_export_needs_the_password(self, api, alice):
        assert ask(api(alice), "wrong").json()["code"] == "wrong_password"
        assert api(alice).post("/users/me/export", {}).status_code == 400
        unknown = api(alice).post("/users/me/export", {"password": PASSWORD, "user": "bob"})
        assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (400, "user")
        assert not DataExport.objects.exists()

    @pytest.mark.promise("A4")
    def test_password_attempts_are_limited_and_status_requests_are_not(self, api, alice, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"password": (2, 900)}
        caller = api(alice)
        assert [ask(caller, "wrong").status_code for _ in range(3)] == [403, 403, 429]
        assert ask(caller).headers["Retry-After"]
        assert [caller.get("/users/me/export").status_code for _ in range(5)] == [200] * 5

    @pytest.mark.parametrize("state", ["pending", "processing"])
    def test_second_export_in_progress_is_refused(self, api, alice, state):
        DataExport.objects.create(user=alice, status=state, created_at=timezone.now() - timedelta(days=9))
        answer = ask(api(alice))
        assert (answer.status_code, answer.json()["code"]) == (409, "export_in_progress")
        assert status(api(alice)) == {"status": state, "url": None, "expires_at": None}

    def test_second_export_within_a_day_is_refused(self, api, alice, deliver):
        caller = api(alice)
        ask(caller)
        deliver()
        answer = ask(caller)
        assert (answer.status_code, answer.json()["code"]) == (409, "export_too_soon")
        assert 86_000 < int(answer.headers["Retry-After"]) <= 86_400
        with time_machine.travel(timezone.now() + timedelta(hours=23, minutes=59)):
            assert ask(Caller(alice)).status_code == 409
        with time_machine.travel(timezone.now() + timedelta(hours=24, minutes=1)):
            assert ask(Caller(alice)).status_code == 202

    def test_failed_export_does_not_count(self, api, alice):
        DataExport.objects.create(user=alice, status="failed")
        assert status(api(alice))["status"] == "failed"
        assert ask(api(alice)).status_code == 202

    @pytest.mark.promise("R2")
    @pytest.mark.django_db(transaction=True)
    def test_concurrent_requests_create_one_export(self):
        token = Caller(UserFactory(handle="alice"))._credentials
        answers = in_threads(5, lambda: Caller().post("/users/me/export", {"password": PASSWORD}, **token).status_code)
        assert sorted(answers) == [202, 409, 409, 409, 409]
        assert DataExport.objects.count() == 1

    def test_an_unchanged_status_is_304(self, api, alice):
        caller = api(alice)
        first = caller.get("/users/me/export")
        assert first.headers["Cache-Control"].startswith("private")
        again = caller.get("/users/me/export", HTTP_IF_NONE_MATCH=first.headers["ETag"])
        assert again.status_code == 304
        ask(caller)
        assert caller.get("/users/me/export", HTTP_IF_NONE_MATCH=first.headers["ETag"]).status_code == 200

    @pytest.mark.promise("P1")
    def test_export_is_visible_to_its_owner_only(self, api, alice, bob, deliver):
        ask(api(alice))
        deliver()
        assert status(api(bob)) == {"status": "none", "url": None, "expires_at": None}
        key = key_of(DataExport.objects.get())
        assert is_there(key)
        assert fetch(f"{django_settings.S3_ENDPOINT_URL}/{django_settings.S3_PRIVATE_BUCKET}/{key}") == 403

    @pytest.mark.promise("P11")
    def test_key_of_an_archive_is_random(self, api, alice, deliver):
        ask(api(alice))
        deliver()
        export = DataExport.objects.get()
        assert len(export.secret) == 32  # 192 bits in base64
        assert str(export.pk) not in status(api(alice))["url"]
        assert str(alice.pk) not in status(api(alice))["url"]


class _Page(HTMLParser):
    """The tags of a page, with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def made(user, deliver):
    """The zip of a new archive, as the person downloads it."""
    caller = Caller(user)
    assert ask(caller).status_code == 202
    deliver()
    return download(caller)


def everything(zipped):
    return "\n".join(zipped.read(name).decode("latin-1") for name in zipped.namelist())


class TestContents:
    def test_archive_contains_the_unchanged_originals(self, api, alice, deliver):
        photos = {ready(api(alice), deliver, data=jpeg(colour)).pk: jpeg(colour) for colour in ("teal", "navy")}
        unfinished = uploaded(api(alice), data=jpeg("plum"))
        promised = begin(api(alice), b"never completed").json()
        put(promised, b"never completed")
        zipped = made(alice, deliver)
        told = {row["id"]: row for row in rows(zipped, "media")}
        assert set(told) == {*map(str, photos), str(unfinished.pk), promised["id"]}
        for pk, data in photos.items():
            assert told[str(pk)]["file"] == f"media/{pk}.jpg"
            assert zipped.read(f"media/{pk}.jpg") == data
        assert zipped.read(told[str(unfinished.pk)]["file"]) == jpeg("plum")
        assert told[promised["id"]]["file"] is None
        assert zipped.testzip() is None
        assert sum(name.startswith("media/") for name in zipped.namelist()) == 3

    def test_data_files_are_json_arrays_with_api_times(self, api, alice, bob, deliver):
        PostFactory(author=alice, photos=0, caption='Ünïcode 🦀 \u2028 "quoted"\nsecond line')
        zipped = made(alice, deliver)
        kinds = [name for name in zipped.namelist() if name.startswith("data/")]
        assert {"data/account.json", "data/posts.json", "data/sessions.json", "data/followers.json"} <= set(kinds)
        for name in kinds:
            told = json.loads(zipped.read(name).decode("utf-8"))
            assert told
            assert all(isinstance(row, dict) for row in told)
            for row in told:
                for label, value in row.items():
                    if value and label.endswith(("_at", "since")):
                        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value), (name, label)
        assert rows(zipped, "posts")[0]["caption"] == 'Ünïcode 🦀 \u2028 "quoted"\nsecond line'
        assert rows(zipped, "followers")[0]["user"] == "bob"
        assert "posts.json: 1" in zipped.read("README.txt").decode()

    @pytest.mark.promise("I1")
    def test_page_of_an_archive_escapes_texts(self, api, alice, deliver):
        hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>{{ 7|add:7 }}"
        alice.display_name, alice.bio, alice.website = hostile[:50], hostile, "https://e.org/?<script>"
        alice.save()
        medium = uploaded(api(alice), alt_text=f'"onload="alert(3) {hostile}')
        deliver()
        content.create_post(author_id=alice.pk, media_ids=[medium.pk], caption=hostile)
        services.open_session(alice, device_name="</li><script>alert(4)</script>")
        zipped = made(alice, deliver)
        page = _Page(zipped.read("index.html").decode())
        assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "link", "base", "form"}
        assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
        assert hostile in page.text
        assert "</li><script>alert(4)</script>" in page.text
        images = [attributes for tag, attributes in page.tags if tag == "img"]
        assert [image["src"] for image in images] == [f"media/{medium.pk}.jpg"]
        assert images[0]["alt"] == f'"onload="alert(3) {hostile}'
        targets = {a[name] for _, a in page.tags for name in ("src", "href") if name in a}
        assert targets - {"data/", "media/"} <= set(zipped.namelist())

    def test_page_shows_photos_without_a_post(self, api, alice, deliver):
        medium = ready(api(alice), deliver)
        page = _Page(made(alice, deliver).read("index.html").decode())
        assert f"media/{medium.pk}.jpg" in [attributes.get("src") for _, attributes in page.tags]

    def test_long_list_is_shortened_on_the_page_only(self, alice, bob, carol, deliver, monkeypatch):
        monkeypatch.setattr(archive, "ROWS_SHOWN", 1)
        FollowFactory(follower=carol, followed=alice)
        zipped = made(alice, deliver)
        text = _Page(zipped.read("index.html").decode()).text
        assert "bob" in text
        assert "carol" not in text
        assert "data/followers.json" in text
        assert [row["user"] for row in rows(zipped, "followers")] == ["bob", "carol"]

    @pytest.mark.promise("P10")
    def test_archive_contains_no_deleted_content(self, api, alice, deliver):
        kept, gone = (ready(api(alice), deliver, data=jpeg(colour)) for colour in ("teal", "navy"))
        lost = ready(api(alice), deliver, data=jpeg("plum"))
        post = content.create_post(author_id=alice.pk, media_ids=[gone.pk], caption="I never said that")
        content.delete_post(post)
        assert api(alice).delete(f"/media/{lost.pk}").status_code == 204
        zipped = made(alice, deliver)
        assert [row["id"] for row in rows(zipped, "media")] == [str(kept.pk)]
        assert "data/posts.json" not in zipped.namelist()
        all_of_it = everything(zipped)
        for trace in ("I never said that", str(gone.pk), str(lost.pk), str(post.pk)):
            assert trace not in all_of_it

    @pytest.mark.promise("P10")
    def test_photo_deleted_during_the_export_is_left_out(self, api, alice, deliver, monkeypatch):
        medium = ready(api(alice), deliver)
        read = storage.read

        def delete_and_read(key):
            storage.delete(django_settings.S3_PRIVATE_BUCKET, [key])
            return read(key)

        monkeypatch.setattr(storage, "read", delete_and_read)
        zipped = made(alice, deliver)
        assert rows(zipped, "media")[0]["file"] is None
        assert not [name for name in zipped.namelist() if str(medium.pk) in name]

    @pytest.mark.promise("P10")
    def test_archive_contains_only_handles_of_others(self, api, alice, bob, carol, deliver):
        bob.bio, bob.display_name = "Bob's own words", "Robert"
        bob.save()
        photo = ready(api(bob), deliver, data=jpeg("olive"))
        content.create_post(author_id=bob.pk, media_ids=[photo.pk], caption="Bob's caption for @alice")
        services.open_session(bob, device_name="Bob's telephone")
        FollowFactory(follower=alice, followed=bob)
        BlockFactory(blocker=alice, blocked=carol)
        zipped = made(alice, deliver)
        all_of_it = everything(zipped)
        for foreign in ("Bob's", "Robert", "bob@example.org", "carol@example.org", str(photo.pk), str(bob.pk)):
            assert foreign not in all_of_it
        assert rows(zipped, "following")[0]["user"] == "bob"
        assert rows(zipped, "blocks")[0]["user"] == "carol"
        assert rows(zipped, "mentions")[0]["by"] == "bob"

    @pytest.mark.promise("P5", "P10")
    def test_archive_does_not_name_hidden_users(self, alice, bob, carol, deliver):
        MuteFactory(muter=alice, muted=carol)
        BlockFactory(blocker=carol, blocked=alice)
        services.suspend(bob, reason="spam")
        zipped = made(alice, deliver)
        assert rows(zipped, "mutes")[0]["user"] is None
        assert rows(zipped, "followers")[0]["user"] is None
        assert "carol" not in everything(zipped)
        assert "bob" not in everything(zipped)

    @pytest.mark.promise("O4")
    def test_archive_contains_no_secret_and_no_storage_key(self, api, alice, deliver):
        medium = ready(api(alice), deliver)
        media.make_public([medium.pk])
        deliver()
        medium.refresh_from_db()
        session = services.open_session(alice)
        zipped = made(alice, deliver)
        all_of_it = everything(zipped)
        secrets = [medium.original_key, medium.original_key.split("/")[1], medium.private_secret, medium.public_secret]
        for secret in (*secrets, session.nonce, alice.password, DataExport.objects.get().secret):
            assert secret
            assert secret not in all_of_it


class TestMaking:
    @pytest.mark.promise("C2")
    def test_lease_and_sweep_are_shorter_than_a_minute(self):
        period = SCHEDULE["apps.accounts.tasks.enqueue_due_exports"]
        assert leased.LEASE + timedelta(seconds=period) < timedelta(seconds=60)
        assert timedelta(seconds=leased.RENEWED_EVERY) * 2 < leased.LEASE

    def test_export_task_has_its_own_time_limits(self):
        limits = tasks.make_export.soft_time_limit, tasks.make_export.time_limit
        assert QUEUES["maintenance"].hard_limit < limits[0] < limits[1]

    @pytest.mark.promise("C9")
    def test_export_waits_while_storage_is_unavailable(self, api, alice, deliver, monkeypatch):
        caller = api(alice)
        ask(caller)

        def refuse(*args, **kwargs):
            raise storage.StorageError("away")

        monkeypatch.setattr(storage, "save_archive", refuse)
        deliver()
        assert status(caller)["status"] == "pending"
        assert exports.enqueue_due() == 0
        monkeypatch.undo()
        with time_machine.travel(timezone.now() + timedelta(seconds=31)):
            assert exports.enqueue_due() == 1
            deliver()
        assert DataExport.objects.get().status == "ready"
        assert download(caller)

    @pytest.mark.promise("C6")
    def test_export_fails_after_five_attempts_and_leaves_nothing(self, api, alice, deliver, monkeypatch):
        caller = api(alice)
        ask(caller)
        written, save_archive = [], storage.save_archive

        def put_and_break(key, *args, **kwargs):
            save_archive(key, *args, **kwargs)
            written.append(key)
            raise OSError("disk full")

        monkeypatch.setattr(storage, "save_archive", put_and_break)
        for attempt in range(1, 6):
            deliver()
            assert DataExport.objects.get().attempts == attempt
            DataExport.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
            assert exports.enqueue_due() == (attempt < 5)
        assert deliver() == []
        assert status(caller) == {"status": "failed", "url": None, "expires_at": None}
        assert len(set(written)) == 5
        sweeps.delete_pending_objects()
        assert [key for key in written if is_there(key)] == []

    @pytest.mark.promise("C6")
    def test_export_fails_after_five_killed_workers(self, alice, deliver):
        export = DataExport.objects.create(user=alice, status="processing", attempts=5, next_attempt_at=timezone.now())
        assert exports.enqueue_due() == 1
        deliver()
        export.refresh_from_db()
        assert (export.status, export.secret, export.next_attempt_at) == ("failed", "", None)

    @pytest.mark.promise("C4")
    def test_lost_task_is_enqueued_again(self, api, alice, deliver):
        ask(api(alice))
        QueuedTask.objects.all().delete()
        assert exports.enqueue_due() == 0
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            assert exports.enqueue_due() == 1
            assert exports.enqueue_due() == 0
            deliver()
        assert DataExport.objects.get().status == "ready"

    @pytest.mark.slow
    @pytest.mark.promise("C1", "C2")
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(
        ("place", "then"),
        [
            ("apps.accounts.archive:_gather", "before"),
            ("apps.accounts.archive:_copy_photo", "after"),
            ("apps.media.storage:save_archive", "before"),
            ("apps.media.storage:save_archive", "after"),
            ("apps.accounts.exports:enqueue", "before"),  # in the transaction that makes it ready
        ],
    )
    def test_export_of_a_killed_worker_is_made_by_another(self, place, then, api, deliver):
        alice = UserFactory(handle="alice")
        medium = ready(api(alice), deliver)
        ask(api(alice))
        export = DataExport.objects.get()
        killed_at(place, then=then, work="apps.accounts.exports:make", argument=export.pk)
        export.refresh_from_db()
        assert export.status == "processing"
        half_done = key_of(export)
        assert is_there(half_done) == ((":save_archive" in place and then == "after") or "enqueue" in place)
        assert exports.enqueue_due() == 0
        with time_machine.travel(timezone.now() + leased.LEASE + timedelta(seconds=1)):
            assert exports.enqueue_due() == 1
            deliver()
            sweeps.delete_pending_objects()
        zipped = download(api(alice))
        assert zipped.read(f"media/{medium.pk}.jpg") == jpeg()
        export.refresh_from_db()
        assert key_of(export) != half_done
        assert not is_there(half_done)
        assert len(mail.outbox) == 1

    @pytest.mark.promise("R2")
    @pytest.mark.django_db(transaction=True)
    def test_four_concurrent_workers_create_one_archive(self, monkeypatch):
        export = DataExport.objects.create(user=UserFactory(handle="alice"), next_attempt_at=timezone.now())
        written, write_archive = [], archive.write
        monkeypatch.setattr(archive, "write", lambda *a, **k: written.append(1) or write_archive(*a, **k))
        in_threads(4, lambda: exports.make(export.pk))
        assert len(written) == 1
        export.refresh_from_db()
        assert export.status == "ready"

    def test_number_of_concurrent_exports_is_limited(self, alice, bob, deliver, settings):
        settings.EXPORTS_AT_ONCE = 1
        hers, his = (DataExport.objects.create(user=person, next_attempt_at=timezone.now()) for person in (alice, bob))
        assert exports._claim(hers.pk)
        exports.make(his.pk)
        his.refresh_from_db()
        assert (his.status, his.attempts) == ("pending", 0)
        DataExport.objects.filter(pk=hers.pk).update(leased_until=None)
        exports.make(hers.pk)
        deliver()
        his.refresh_from_db()
        assert his.status == "ready"

    @pytest.mark.django_db(transaction=True)
    def test_lease_is_renewed_during_the_work(self, monkeypatch):
        monkeypatch.setattr(leased, "RENEWED_EVERY", 0.05)
        DataExport.objects.create(user=UserFactory(handle="alice"), next_attempt_at=timezone.now())
        export = exports._claim(DataExport.objects.get().pk)
        first = export.leased_until
        with leased.renewing_lease(export):
            deadline = time.monotonic() + 60
            while DataExport.objects.get().leased_until == first and time.monotonic() < deadline:
                time.sleep(0.02)
        assert DataExport.objects.get().leased_until == export.leased_until > first
        assert DataExport.objects.owned(export).exists()

    def test_worker_that_lost_its_lease_leaves_nothing(self, alice, monkeypatch):
        export = DataExport.objects.create(user=alice, next_attempt_at=timezone.now())
        written, save_archive = [], storage.save_archive

        def put_and_lose(key, *args, **kwargs):
            save_archive(key, *args, **kwargs)
            written.append(key)
            DataExport.objects.update(leased_until=timezone.now() + timedelta(seconds=99))

        monkeypatch.setattr(storage, "save_archive", put_and_lose)
        exports.make(export.pk)
        assert is_there(written[0])
        export.refresh_from_db()
        assert export.status == "processing"
        sweeps.delete_pending_objects()
        assert not is_there(written[0])

    @pytest.mark.slow
    def test_large_archive_is_uploaded_in_parts(self, alice, tmp_path, monkeypatch):
        data = random.Random(1).randbytes(33 * 1024**2)
        (tmp_path / "large.zip").write_bytes(data)
        storage.save_archive("exports/large.zip", tmp_path / "large.zip", name="large.zip")
        arrived = hashlib.sha256(b"".join(storage.read("exports/large.zip"))).digest()
        assert arrived == hashlib.sha256(data).digest()
        found = storage.client().head_object(Bucket=django_settings.S3_PRIVATE_BUCKET, Key="exports/large.zip")
        assert found["ContentDisposition"] == 'attachment; filename="large.zip"'
        assert found["ContentType"] == "application/zip"


class TestTheMail:
    def test_mail_announces_the_archive_without_a_download_link(self, api, alice, deliver):
        ask(api(alice))
        deliver()
        [sent] = mail.outbox
        assert sent.to == ["alice@example.org"]
        assert f"{django_settings.CLIENT_URL}/export" in sent.body
        secret = DataExport.objects.get().secret
        for text in (sent.body, sent.alternatives[0][0]):
            assert secret not in text
            assert "X-Amz" not in text

    @pytest.mark.promise("R2")
    def test_mail_is_sent_once(self, api, alice, deliver):
        ask(api(alice))
        deliver()
        exports.announce(DataExport.objects.get().pk)
        with time_machine.travel(timezone.now() + timedelta(hours=1)):
            assert exports.enqueue_due() == 0
        assert len(mail.outbox) == 1

    @pytest.mark.promise("C1")
    def test_mail_is_sent_later_if_the_mail_server_is_down(self, api, alice, deliver, monkeypatch):
        send = exports.mails.send_export_ready

        def refuse(user_id, **_):
            raise ConnectionRefusedError

        monkeypatch.setattr(exports.mails, "send_export_ready", refuse)
        ask(api(alice))
        deliver()
        assert status(api(alice))["status"] == "ready"
        monkeypatch.setattr(exports.mails, "send_export_ready", send)
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            assert exports.enqueue_due() == 1
            deliver()
        assert len(mail.outbox) == 1

    @pytest.mark.slow
    @pytest.mark.promise("C1")
    @pytest.mark.django_db(transaction=True)
    def test_mail_is_sent_after_the_worker_was_killed(self, api, deliver):
        alice = UserFactory(handle="alice")
        export = DataExport.objects.create(user=alice, next_attempt_at=timezone.now())
        exports.make(export.pk)
        killed_at("apps.accounts.mails:_mail", work="apps.accounts.exports:announce", argument=export.pk)
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            assert exports.enqueue_due() == 1
            deliver()
        assert len(mail.outbox) == 1

    def test_deleted_account_gets_no_mail_about_the_archive(self, api, alice, deliver):
        ask(api(alice))
        api(alice).delete("/users/me", {"password": PASSWORD})
        deliver()
        assert [sent.subject for sent in mail.outbox] == ["Your account will be deleted"]


class TestTheEnd:
    def test_link_ends_with_the_archive(self, api, alice, deliver, settings):
        ask(api(alice))
        deliver()
        url = status(api(alice))["url"]
        assert fetch(url) == 200
        expires_at = DataExport.objects.get().expires_at
        assert expires_at - DataExport.objects.get().finished_at == settings.EXPORT_LIFETIME == timedelta(hours=24)
        assert exports.expire() == 0
        caller = api(alice)
        DataExport.objects.update(expires_at=timezone.now())
        assert status(caller) == {"status": "expired", "url": None, "expires_at": None}
        assert exports.expire() == 1
        sweeps.delete_pending_objects()
        assert fetch(url) == 404
        assert status(caller) == {"status": "expired", "url": None, "expires_at": None}

    @pytest.mark.promise("A1")
    @pytest.mark.parametrize(
        "ending",
        [
            lambda alice: Caller(alice).post("/auth/revoke", {"all": True}),
            lambda alice: Caller(alice).post(
                "/auth/password", {"current_password": PASSWORD, "new_password": "quite another phrase"}
            ),
            lambda alice: services.suspend(alice, reason="spam"),
            lambda alice: Caller(alice).delete("/users/me", {"password": PASSWORD}),
            lambda alice: services.erase_now(alice),
            lambda alice: reset_password(alice),
        ],
        ids=["revoke all", "password", "suspend", "leave", "erase", "reset"],
    )
    def test_link_ends_with_all_sessions(self, api, alice, ending):
        export = DataExport.objects.create(
            user=alice,
            status="ready",
            secret=objects.new_secret(),
            finished_at=timezone.now(),
            expires_at=timezone.now() + timedelta(hours=24),
        )
        write(key_of(export), b"x", "application/zip")
        url = status(api(alice))["url"]
        assert fetch(url) == 200
        ending(alice)
        sweeps.delete_pending_objects()
        assert fetch(url) == 404
        export.refresh_from_db()
        assert (export.status, export.secret) == ("expired", "")

    def test_link_stays_when_one_session_ends(self, api, alice):
        now = timezone.now()
        DataExport.objects.create(
            user=alice, status="ready", secret="s" * 32, finished_at=now, expires_at=now + timedelta(hours=24)
        )
        api(alice).post("/auth/revoke", {})
        assert status(api(alice))["status"] == "ready"

    @pytest.mark.slow
    def test_link_expires_if_the_sweep_is_late(self, api, alice, deliver, settings):
        settings.EXPORT_LIFETIME = timedelta(seconds=5)
        ask(api(alice))
        deliver()
        url = status(api(alice))["url"]
        assert fetch(url) == 200
        time.sleep(6.1)
        assert fetch(url) == 403
        assert is_there(key_of(DataExport.objects.get()))

    def test_sweep_runs_often_enough(self):
        assert SCHEDULE["apps.accounts.tasks.expire_exports"] <= 60

    def test_inventory_deletes_archives_without_a_row_only(self, api, alice, deliver, monkeypatch):
        ask(api(alice))
        deliver()
        live = key_of(DataExport.objects.get())
        write("exports/orphan.zip", b"x", "application/zip")
        client = storage.client()
        broken_off = {"Bucket": django_settings.S3_PRIVATE_BUCKET, "Key": "exports/oddment.zip"}
        begun = client.create_multipart_upload(**broken_off)
        client.upload_part(**broken_off, UploadId=begun["UploadId"], PartNumber=1, Body=b"x" * 100)
        PendingDeletion.objects.all().delete()
        inventory.remove_orphaned_objects("o")
        assert not PendingDeletion.objects.filter(key__startswith="exports/").exists()
        assert _parts(client, broken_off["Key"])
        monkeypatch.setattr(inventory, "ORPHANED_AFTER", timedelta(seconds=-60))
        for shard in {"o", live.removeprefix("exports/")[0]}:
            inventory.remove_orphaned_objects(shard)
        scheduled = set(PendingDeletion.objects.values_list("key", flat=True))
        assert "exports/orphan.zip" in scheduled
        assert live not in scheduled
        assert not _parts(client, broken_off["Key"])

    def test_old_rows_are_deleted_except_those_with_an_archive(self, alice, bob):
        long_ago = timezone.now() - timedelta(days=31)
        for gone in ("expired", "failed"):
            DataExport.objects.create(user=alice, status=gone, finished_at=long_ago)
        kept = DataExport.objects.create(
            user=bob, status="ready", secret="s" * 32, finished_at=long_ago, expires_at=long_ago
        )
        recent = DataExport.objects.create(user=alice, status="failed", finished_at=timezone.now())
        tasks.purge_exports()
        assert set(DataExport.objects.all()) == {kept, recent}


def _parts(client, key):
    found = client.list_multipart_uploads(Bucket=django_settings.S3_PRIVATE_BUCKET, Prefix=key)
    return found.get("Uploads", [])
