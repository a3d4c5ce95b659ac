"""Leaving: hidden at once, restored by signing in, erased for good after the grace, whatever dies meanwhile."""

import threading
import time
from datetime import timedelta
from smtplib import SMTPRecipientsRefused

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session as ConsoleSession
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import erasure, exports, housekeeping, services
from apps.accounts import privacy as accounts_privacy
from apps.accounts.models import (
    Application,
    Consent,
    EmailChange,
    EmailedToken,
    Erasure,
    Invitation,
    InvitationUse,
    Session,
    User,
    WithheldHandle,
)
from apps.content import services as content
from apps.content.models import Post, StaleExposure
from apps.core import privacy
from apps.core.errors import NotFound
from apps.core.models import IdempotencyKey, QueuedTask
from apps.core.tasks import leased
from apps.core.tasks.housekeeping import repair_counters
from apps.engagement.models import Comment, CommentLike, CommentMention, Like, Save
from apps.feed.models import FeedSnapshot, FeedVisit
from apps.media import objects, storage, sweeps
from apps.media.models import Media
from apps.moderation.audit.records import record_staff_act
from apps.moderation.models import (
    Appeal,
    Claim,
    Digest,
    Flag,
    ModerationAction,
    Statement,
    SuspensionProposal,
    TeamNote,
)
from apps.notifications.models import Notification, NotificationEvent, Preference, PushSubscription
from apps.site import services as site
from apps.site.models import DocumentVersion
from apps.social.models import Follow, FollowRequest
from config.schedule import SCHEDULE
from tests.accounts.crashes import killed_at
from tests.authenticator import add_passkey
from tests.commands import run
from tests.conftest import Caller
from tests.console.codes import enrol
from tests.factories import (
    PASSWORD,
    BlockFactory,
    FollowFactory,
    MediaFactory,
    MuteFactory,
    PostFactory,
    UserFactory,
    many,
)
from tests.media.uploads import begin, jpeg, put, ready
from tests.plans import analyze, explain, indexes_used
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def sign_in(login="alice"):
    return Caller().post("/auth/token", {"login": login, "password": PASSWORD})


def sign_up(handle, email):
    return Caller().post("/users", {"handle": handle, "email": email, "password": PASSWORD})


def leave(user):
    assert Caller(user).delete("/users/me", {"password": PASSWORD}).status_code == 202


def be_due(user):
    """As if they had left, and the grace were over."""
    leave(user)
    User.objects.filter(pk=user.pk).update(erase_after=timezone.now())


def state(user):
    return User.objects.values_list("state", flat=True).get(pk=user.pk)


class TestTheGrace:
    def test_sign_in_during_the_grace_period_restores_everything(self, alice, bob, anonymous, deliver):
        post = PostFactory(author=alice, photos=0, caption="still here")
        leave(alice)
        deliver()
        assert anonymous.get("/users/@alice").status_code == 404
        assert anonymous.get(f"/posts/{post.pk}").status_code == 404
        with time_machine.travel(timezone.now() + timedelta(days=13, hours=23)):
            assert erasure.enqueue_due() == 0
            assert sign_in().status_code == 200
            deliver()
        with time_machine.travel(timezone.now() + timedelta(days=30)):
            assert erasure.enqueue_due() == 0
            erasure.erase(alice.pk)
        assert anonymous.get("/users/@alice").json()["counts"] == {"followers": 1, "following": 0, "posts": 1}
        assert anonymous.get(f"/posts/{post.pk}").json()["caption"] == "still here"
        assert Follow.objects.filter(follower=bob, followed=alice).exists()
        assert not Erasure.objects.exists()

    def test_erasure_before_the_end_of_the_grace_period_does_nothing(self, alice, bob):
        leave(alice)
        for user in (alice, bob):
            erasure.erase(user.pk)
        assert (state(alice), state(bob)) == ("leaving", "active")
        assert not Erasure.objects.exists()

    def test_sign_in_after_the_grace_period_is_refused(self, alice, deliver):
        post = PostFactory(author=alice)
        leave(alice)
        with time_machine.travel(timezone.now() + timedelta(days=14, seconds=1)):
            assert erasure.enqueue_due() == 1
            assert "apps.accounts.tasks.erase" in deliver()
        assert not User.objects.filter(pk=alice.pk).exists()
        assert not Post.objects.filter(pk=post.pk).exists()
        assert not Erasure.objects.exists()
        refused = sign_in()
        unknown = sign_in("nobody.at.all")
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")
        assert {**refused.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}

    def test_email_is_free_at_once_and_the_handle_after_30_days(self, alice, deliver):
        be_due(alice)
        assert sign_up("somebody", "alice@example.org").json()["code"] == "email_taken"
        assert sign_up("alice", "other@example.org").json()["code"] == "handle_taken"
        erasure.erase(alice.pk)
        assert sign_up("somebody", "alice@example.org").status_code == 201
        assert sign_up("alice", "other@example.org").json()["code"] == "handle_taken"
        with time_machine.travel(timezone.now() + timedelta(days=29)):
            housekeeping.release_handles()
            assert sign_up("alice", "other@example.org").json()["code"] == "handle_taken"
        with time_machine.travel(timezone.now() + timedelta(days=30, seconds=5)):
            assert sign_up("alice", "other@example.org").status_code == 201

    def test_account_suspended_during_the_grace_period_is_erased(self, alice):
        leave(alice)
        services.suspend(alice, reason="spam")
        erasure.erase(alice.pk)
        assert state(alice) == "suspended"
        User.objects.update(erase_after=timezone.now())
        assert erasure.enqueue_due() == 1
        erasure.erase(alice.pk)
        assert not User.objects.exists()

    def test_search_for_due_accounts_reads_due_ones_only(self):
        make_people(2000)
        analyze("accounts_user")
        due = User.objects.filter(erase_after__lte=timezone.now()).order_by("erase_after")
        assert indexes_used(explain(due)) == {"users_to_erase"}

    def test_suspended_account_is_not_erased(self, alice):
        services.suspend(alice, reason="spam")
        with time_machine.travel(timezone.now() + timedelta(days=365)):
            assert erasure.enqueue_due() == 0
            erasure.erase(alice.pk)
        assert state(alice) == "suspended"

    def test_account_being_erased_cannot_be_suspended(self, alice):
        User.objects.update(state=User.State.ERASED)
        with pytest.raises(NotFound):
            services.suspend(alice, reason="spam")
        assert state(alice) == "erased"


class TestSigningInAtThatMoment:
    """Either it restores, or it is refused; both ends are forced, then left to chance."""

    @pytest.mark.promise("R3")
    @pytest.mark.django_db(transaction=True)
    def test_sign_in_before_the_claim_keeps_the_account(self, monkeypatch):
        alice = UserFactory(handle="alice")
        post = PostFactory(author=alice)
        be_due(alice)
        begun, stay = threading.Event(), services._cancel_deletion

        def stay_slowly(user):
            stay(user)
            begun.set()
            time.sleep(0.5)  # not committed yet: the eraser waits for the row

        monkeypatch.setattr(services, "_cancel_deletion", stay_slowly)

        def erase():
            begun.wait(60)
            erasure.erase(alice.pk)

        answers = in_threads_each(lambda: sign_in().status_code, erase)
        assert answers[0] == 200
        assert state(alice) == "active"
        assert Post.objects.filter(pk=post.pk).exists()
        assert not Erasure.objects.exists()
        assert Session.objects.live().filter(user=alice).exists()

    @pytest.mark.promise("R3")
    @pytest.mark.django_db(transaction=True)
    def test_sign_in_after_the_claim_is_refused(self, monkeypatch):
        alice = UserFactory(handle="alice")
        PostFactory(author=alice)
        be_due(alice)
        claimed, claim = threading.Event(), erasure._claim.__wrapped__

        @erasure.transaction.atomic
        def claim_slowly(user_id):
            found = claim(user_id)
            claimed.set()
            time.sleep(0.5)
            return found

        monkeypatch.setattr(erasure, "_claim", claim_slowly)

        def come_back():
            claimed.wait(60)
            return sign_in()

        answer = in_threads_each(come_back, lambda: erasure.erase(alice.pk))[0]
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
        assert not User.objects.exists()
        assert not Post.objects.exists()
        assert not Session.objects.exists()

    @pytest.mark.promise("R3")
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(
        "delay",
        [0, 0.016, *(pytest.param(delay, marks=pytest.mark.slow) for delay in (0.002, 0.004, 0.008, 0.03, 0.06))],
    )
    def test_account_is_either_restored_or_erased(self, delay):
        alice = UserFactory(handle="alice")
        PostFactory(author=alice)
        be_due(alice)

        def erase():
            time.sleep(delay)
            erasure.erase(alice.pk)

        answer = in_threads_each(lambda: sign_in().status_code, erase)[0]
        rows = User.objects.count(), Post.objects.count(), Media.objects.count(), Session.objects.live().count()
        assert (answer, *rows) in [(200, 1, 1, 1, 1), (401, 0, 0, 0, 0)]
        assert not Erasure.objects.exists()


def in_threads_each(*works):
    """The results of different works at once, in their order."""
    results = {}
    numbers = iter(range(len(works)))
    lock = threading.Lock()

    def run():
        with lock:
            number = next(numbers)
        results[number] = works[number]()

    in_threads(len(works), run)
    return [results[number] for number in range(len(works))]


# ── Everything ───────────────────────────────────────────────────────────────────────────────────────────
def references():
    """(model, field) of every foreign key to the user model, those of many-to-many tables included."""
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.managed:  # a view
            continue
        for field in model._meta.get_fields(include_hidden=True):
            if field.concrete and (field.many_to_one or field.one_to_one) and field.related_model is User:
                yield model, field


def held_on(user_id):
    """{reference: number of rows} that point at the user."""
    return {
        f"{model._meta.label}.{field.name}": model._base_manager.filter(**{field.attname: user_id}).count()
        for model, field in references()
    }


def tables_with(text):
    """Every table that has a row with that text in any column."""
    with connection.cursor() as cursor:
        found = set()
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}" AS t WHERE t::text LIKE %s)', [f"%{text}%"])
            if cursor.fetchone()[0]:
                found.add(table)
    return found


@pytest.fixture
def history(api, alice, bob, carol, mallory, deliver):
    """Alice has rows everywhere, and objects in both buckets; returns those objects and bob's."""
    hers, his = (ready(api(owner), deliver) for owner in (alice, bob))
    posts = [
        content.create_post(author_id=author.pk, media_ids=[medium.pk], caption="#one by @alice and @bob")
        for author, medium in ((alice, hers), (bob, his))
    ]
    deliver()
    avatar = ready(api(alice), deliver, purpose="avatar")
    services.update_profile(alice, changes={"avatar_media_id": avatar.pk})
    promised = begin(api(alice), b"never completed").json()
    put(promised, b"never completed")
    for status in ("processing", "failed"):
        PostFactory(author=alice, status=status)
    content.take_down(PostFactory(author=alice))
    ready(api(alice), deliver, data=jpeg("plum"))
    deliver()

    for one, other in ((alice, carol), (carol, bob)):
        FollowFactory(follower=one, followed=other)
    for one, other in ((alice, UserFactory(handle="dora")), (UserFactory(handle="emil"), alice)):
        FollowRequest.objects.create(requester=one, target=other)
    BlockFactory(blocker=UserFactory(handle="fred"), blocked=alice)
    MuteFactory(muter=alice, muted=carol)
    MuteFactory(muter=carol, muted=alice)
    StaleExposure.objects.create(author=alice, since=timezone.now())
    for writer in (alice, bob):
        FeedVisit.objects.create(user=writer, newest_seen=posts[0].pk)
        FeedSnapshot.objects.create(user=writer)
        for post in posts:
            Like.objects.create(user=writer, post=post)
            Save.objects.create(user=writer, post=post)
            comment = Comment.objects.create(author=writer, post=post, text=f"by {writer.display_name}")
            CommentMention.objects.create(comment=comment, user=alice, offset=0, length=6)
            for liker in (alice, bob):
                CommentLike.objects.create(user=liker, comment=comment)

    make_cases(alice, bob)
    make_invitations(alice, bob)
    for one in (alice, bob):
        enrol(one)
        add_passkey(one)
    make_notifications(alice, bob)
    services.request_export(alice, password=PASSWORD)
    deliver()
    services.open_session(alice)
    EmailedToken.objects.create(user=alice, email=alice.email, digest="d", expires_at=timezone.now())
    terms = DocumentVersion.objects.create(kind="terms", number=99, texts={}, effective_at=timezone.now())
    Consent.objects.create(user=alice, document=terms)
    EmailChange.objects.create(user=alice, old_email=alice.email, new_email="a@b.example", expires_at=timezone.now())
    WithheldHandle.objects.create(user=alice, handle="alice.former", until=timezone.now())
    IdempotencyKey.objects.create(user=alice, route="posts", key="k", fingerprint="f", status=201, body=b"{}")
    user_type = ContentType.objects.get_for_model(User)
    for who, about in ((alice, bob), (bob, alice)):
        LogEntry.objects.create(
            user=who, content_type=user_type, object_id=str(about.pk), object_repr=str(about), action_flag=2
        )
    alice.groups.add(Group.objects.get_or_create(name="moderator")[0])
    alice.user_permissions.add(Permission.objects.first())
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert Client().login(username="alice", password=PASSWORD)
    return objects_of(alice), objects_of(bob)


def make_cases(alice, bob):
    """Alice reports, is reported, decides, is decided about, appeals, and decides of an appeal; she works on a case and
    is one; she proposes to suspend, rejects, and so it is done about her."""
    for one, other in ((alice, bob), (bob, alice)):
        Flag.objects.create(
            reporter=one,
            subject=other,
            target_type="user",
            target_id=other.pk,
            category="spam",
            status="resolved",
            resolved_by=one,
            resolved_at=timezone.now(),
        )
        action = ModerationAction.objects.create(
            actor=one,
            action="suspend",
            target_type="user",
            target_id=other.pk,
            affected_id=other.pk,
            category="spam",
            created_at=timezone.now(),
        )
        Statement.objects.create(action=action, user=other, mailed_at=timezone.now())
        Appeal.objects.create(
            action=action, appellant=other, text="No.", status="upheld", decided_by=one, decided_at=timezone.now()
        )
        Claim.objects.create(moderator=one, target_type="user", target_id=other.pk, expires_at=timezone.now())
        SuspensionProposal.objects.create(
            person=other,
            target_type="user",
            target_id=other.pk,
            category="spam",
            reason="Sells watches.",
            proposed_by=one,
            expires_at=timezone.now(),
            status="rejected",
            decided_by=one,
            decided_at=timezone.now(),
        )
        record_staff_act("read_sessions", other, by=one.pk)
        TeamNote.objects.create(person=other, author=one, text="Second account.")
        Digest.objects.create(moderator=one, frequency="daily", announced_until=timezone.now())


def make_invitations(alice, bob):
    """Each has invited the other, and decided on the other's application."""
    now = timezone.now()
    for one, other in ((alice, bob), (bob, alice)):
        invitation = Invitation.objects.create(creator=one, max_uses=2, expires_at=now)
        InvitationUse.objects.create(invitation=invitation, user=other)
        Application.objects.create(user=other, status="approved", decided_by=one, decided_at=now)


def make_notifications(alice, bob):
    for one, other in ((alice, bob), (bob, alice)):
        told = Notification.objects.create(recipient=one, type="follow_accepted")
        NotificationEvent.objects.create(notification=told, recipient=one, actor=other, cause=told.pk)
    Preference.objects.create(user=alice, type="like", in_app=True, push=False, email=False)
    PushSubscription.objects.create(user=alice, endpoint="https://push.example.org/1", p256dh="p", auth="a")


def objects_of(user):
    """(bucket, key) of everything that storage holds for the person."""
    found = []
    for medium in Media.objects.owned_by(user.pk):
        found.append((django_settings.S3_PRIVATE_BUCKET, medium.original_key))
        found += [*objects.private_variants(medium), *objects.public_variants(medium)]
    found += [exports._object(row.secret) for row in exports.DataExport.objects.owned_by(user.pk)]
    return {place for place in found if storage.exists(*place)}


class TestEverything:
    @pytest.mark.promise("P10")
    def test_erasure_leaves_nothing_of_the_user_and_keeps_data_of_others(
        self, api, alice, bob, carol, history, deliver
    ):
        hers, his = history
        assert {bucket for bucket, _ in hers} == {
            django_settings.S3_PRIVATE_BUCKET,
            django_settings.S3_PUBLIC_BUCKET,
        }
        assert {key.split("/")[0] for _, key in hers} > {"uploads", "originals", "variants", "exports"}
        # A foreign key that is new here wants a row in `history`, and an answer in its context's `person.erase`.
        assert [reference for reference, rows in held_on(alice.pk).items() if not rows] == []
        be_due(alice)
        erasure.enqueue_due()
        deliver()
        # The audits cannot be changed by anybody, and hold nothing but the id of an account that is no more.
        assert {reference for reference, rows in held_on(alice.pk).items() if rows} == {
            "moderation.ModerationAction.actor",
            "moderation.StaffAct.actor",
        }
        assert tables_with(str(alice.pk)) == {"moderation_moderationaction", "moderation_staffact"}
        assert tables_with("alice@example.org") == set()
        assert tables_with("alice") == {"accounts_withheldhandle", "content_post"}  # the latter is bob's caption
        sweeps.delete_pending_objects()
        assert {place for place in hers if storage.exists(*place)} == set()
        assert {place for place in his if storage.exists(*place)} == his
        theirs = Post.objects.get(author=bob)
        shown = api(carol).get(f"/posts/{theirs.pk}").json()
        assert shown["caption"] == "#one by @alice and @bob"
        assert [mention["handle"] for mention in shown["mentions"]] == ["bob"]
        assert Comment.objects.filter(author=bob, post=theirs).exists()
        assert Session.objects.filter(user=bob).exists()
        assert LogEntry.objects.count() == 0
        counts = api(carol).get("/users/me").json()["counts"]
        assert counts == {"followers": 0, "following": 1, "posts": 0}
        assert api(bob).get("/users/me").json()["counts"] == {"followers": 1, "following": 0, "posts": 1}

    @pytest.mark.promise("R1")
    def test_counters_are_correct_without_repair(self, alice, bob, carol):
        FollowFactory(follower=alice, followed=carol)
        FollowFactory(follower=carol, followed=alice)
        PostFactory(author=bob)
        PostFactory(author=alice)
        be_due(alice)
        erasure.erase(alice.pk)
        assert repair_counters() == 0
        assert User.objects.count() == 2

    def test_console_sessions_of_others_are_kept(self, alice, bob):
        User.objects.update(is_staff=True)
        browsers = Client(), Client()
        for browser, handle in zip(browsers, ("alice", "bob"), strict=True):
            assert browser.login(username=handle, password=PASSWORD)
        be_due(alice)
        erasure.erase(alice.pk)
        [left] = ConsoleSession.objects.all()
        assert left.get_decoded()["_auth_user_id"] == str(bob.pk)

    def test_erasure_is_logged_in_one_line(self, alice, monkeypatch):
        lines = []
        monkeypatch.setattr(erasure.log, "info", lambda event, **values: lines.append((event, values)))
        be_due(alice)
        erasure.erase(alice.pk)
        [(event, values)] = lines
        assert event == "account_erased"
        assert values["user_id"] == str(alice.pk)
        assert "alice" not in str(values)


class TestMail:
    """The user learns that the account is erased, before the address is deleted."""

    SUBJECT = "Your account is deleted"

    @pytest.fixture(autouse=True)
    def contact(self, db):
        site.change_settings(contact="team@example.org")

    def mails(self):
        return [(sent.to, sent.subject) for sent in mail.outbox]

    def test_end_of_the_grace_period_is_mailed_in_the_language_of_the_user(self, alice, deliver):
        User.objects.filter(pk=alice.pk).update(locale="de", email_verified_at=timezone.now())
        leave(alice)
        deliver()
        with time_machine.travel(timezone.now() + timedelta(days=14, seconds=1)):
            erasure.enqueue_due()
            deliver()
        assert not User.objects.exists()
        assert self.mails()[1:] == [([alice.email], "Dein Konto ist gelöscht")]
        text = " ".join(mail.outbox[-1].body.split())
        assert text.startswith("Hallo Alice!")
        assert "können nicht wiederhergestellt werden" in text
        assert "team@example.org" in text

    def test_erasure_by_an_operator_is_mailed_and_shows_no_text_of_an_unconfirmed_user(self, alice, deliver):
        run("erase_user", "@alice", "--yes")
        assert mail.outbox == []
        deliver()
        assert not User.objects.exists()
        assert self.mails() == [([alice.email], self.SUBJECT)]
        sent = mail.outbox[0]
        for text in (sent.body, sent.alternatives[0].content):
            assert "If you did not ask for this, write to team@example.org." in text
            assert "alice" not in text.lower()

    def test_erasure_waits_for_the_mail_server(self, alice, monkeypatch):
        be_due(alice)
        monkeypatch.setattr(EmailMessage, "send", refuse)
        for attempt in range(2):
            User.objects.filter(pk=alice.pk).update(erase_after=timezone.now())
            erasure.erase(alice.pk)
            assert state(alice) == "erased"
            assert not Session.objects.owned_by(alice.pk).exists()
            pending = Erasure.objects.get()
            assert timedelta() < pending.next_attempt_at - timezone.now() <= erasure.PAUSE * (attempt + 1)
        monkeypatch.undo()
        erasure.erase(alice.pk)
        assert not User.objects.exists()
        assert self.mails() == [([alice.email], self.SUBJECT)]

    def test_address_that_is_refused_does_not_keep_the_account(self, alice, monkeypatch):
        lines = []
        monkeypatch.setattr(erasure.log, "warning", lambda event, **values: lines.append((event, values)))
        monkeypatch.setattr(EmailMessage, "send", refuse)
        monkeypatch.setattr(erasure, "MAIL_ATTEMPTS", 2)
        be_due(alice)
        for _ in range(2):
            erasure.erase(alice.pk)
        assert not User.objects.exists()
        assert not Erasure.objects.exists()
        assert [event for event, _ in lines] == ["erasure_mail_postponed", "erasure_mail_given_up"]
        assert "alice" not in str(lines)


def refuse(*_args, **_kwargs):
    raise SMTPRecipientsRefused({"alice@example.org": (550, b"No such user")})


class TestWhateverDies:
    @pytest.mark.promise("C2")
    def test_lease_and_sweep_are_shorter_than_a_minute(self):
        period = SCHEDULE["apps.accounts.tasks.enqueue_due_erasures"]
        assert leased.LEASE + timedelta(seconds=period) < timedelta(seconds=60)

    @pytest.mark.promise("C4")
    def test_lost_task_is_enqueued_again(self, alice, deliver):
        be_due(alice)
        assert erasure.enqueue_due() == 1
        assert erasure.enqueue_due() == 0
        QueuedTask.objects.all().delete()
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            assert erasure.enqueue_due() == 1
            deliver()
        assert not User.objects.exists()

    def test_failed_erasure_is_retried_with_growing_pauses(self, alice, bob, deliver, monkeypatch):
        be_due(alice)

        def fail(user_id):
            raise RuntimeError("a bug")

        monkeypatch.setattr(accounts_privacy, "erase", fail)
        with time_machine.travel(timezone.now(), tick=False) as clock:
            for pause in (15, 30, 60, 120):
                with pytest.raises(RuntimeError):
                    erasure.erase(alice.pk)
                row = Erasure.objects.get()
                assert row.leased_until is None
                assert row.next_attempt_at == timezone.now() + timedelta(seconds=pause)
                clock.shift(timedelta(seconds=pause))
            assert state(alice) == "erased"
            assert sign_in().status_code == 401
            monkeypatch.undo()
            erasure.enqueue_due()
            deliver()
        assert list(User.objects.all()) == [bob]
        assert not Erasure.objects.exists()

    def test_long_erasure_continues_in_the_next_run(self, alice, deliver, monkeypatch):
        for _ in range(3):
            PostFactory(author=alice)
        be_due(alice)
        delete_post = content.delete_post

        def delete_until_the_time_is_up(post):
            delete_post(post)
            raise SoftTimeLimitExceeded

        monkeypatch.setattr(content, "delete_post", delete_until_the_time_is_up)
        for left in (2, 1):
            erasure.enqueue_due()
            deliver()
            assert Post.objects.count() == left
            assert Erasure.objects.get().attempts == 0
        monkeypatch.undo()
        assert erasure.enqueue_due() == 1
        deliver()
        assert not User.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_four_concurrent_workers_erase_once(self, monkeypatch):
        alice = UserFactory(handle="alice")
        PostFactory(author=alice)
        be_due(alice)
        walked, in_dependency_order = [], privacy.in_dependency_order
        monkeypatch.setattr(
            privacy, "in_dependency_order", lambda: walked.append(1) or time.sleep(0.3) or in_dependency_order()
        )
        in_threads(4, lambda: erasure.erase(alice.pk))
        assert len(walked) == 1
        assert not User.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_two_concurrent_workers_erase_correctly(self, monkeypatch):
        """As after a lease that ran out although its worker lived."""
        alice, bob = UserFactory(handle="alice"), UserFactory(handle="bob")
        FollowFactory(follower=bob, followed=alice)
        for _ in range(5):
            PostFactory(author=alice)
        be_due(alice)
        assert erasure._claim(alice.pk)

        def erase():
            Erasure.objects.update(leased_until=None)
            erasure.erase(alice.pk)

        try:
            in_threads(2, erase)
        finally:
            erase()
        assert list(User.objects.all()) == [bob]
        assert repair_counters() == 0

    @pytest.mark.slow
    @pytest.mark.promise("C1", "C2")
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(
        ("place", "number", "then"),
        [
            ("apps.core.privacy:in_dependency_order", 1, "before"),
            ("apps.content.services:delete_post", 2, "before"),
            ("apps.content.events/post_removed:publish", 2, "after"),  # inside the transaction that deletes a post
            ("apps.core.db.counters/Counter:move_all", 1, "after"),  # inside one that ends follows
            ("apps.accounts.privacy/exports:destroy", 1, "after"),
            ("apps.media.privacy:destroy", 1, "before"),
            ("apps.accounts.erasure:_erase_traces", 1, "after"),
            ("apps.accounts.models/User:delete", 1, "after"),  # inside the last one
        ],
    )
    def test_erasure_of_a_killed_worker_is_continued(self, place, number, then, deliver):
        alice, bob = UserFactory(handle="alice"), UserFactory(handle="bob")
        for _ in range(3):
            PostFactory(author=alice)
        PostFactory(author=bob)
        MediaFactory(owner=alice)
        FollowFactory(follower=bob, followed=alice)
        FollowFactory(follower=alice, followed=bob)
        services.request_export(alice, password=PASSWORD)
        be_due(alice)
        killed_at(place, number=number, then=then, work="apps.accounts.erasure:erase", argument=alice.pk)
        assert state(alice) == "erased"
        assert sign_in().status_code == 401
        assert erasure.enqueue_due() == 0
        with time_machine.travel(timezone.now() + leased.LEASE + timedelta(seconds=1)):
            assert erasure.enqueue_due() == 1
            deliver()
        assert list(User.objects.all()) == [bob]
        assert not Erasure.objects.exists()
        assert not Media.objects.exclude(owner=bob).exists()
        assert repair_counters() == 0
        assert WithheldHandle.objects.get().handle == "alice"


# ── A long history ───────────────────────────────────────────────────────────────────────────────────────
# Seconds. A fifth of a second is usual, and a second is promised; the rest is for machines whose cores are busy.
LONGEST_LOCK = 8


class LongestTransaction:
    """Looks every few milliseconds how old the oldest transaction is that may hold locks of rows; in seconds."""

    SAMPLE = """
        SELECT extract(epoch FROM max(clock_timestamp() - xact_start)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL
    """

    def __enter__(self):
        self.seconds, self.samples, self.done = 0.0, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        try:
            while not self.done.wait(0.02):
                with connection.cursor() as cursor:
                    cursor.execute(self.SAMPLE)
                    self.seconds = max(self.seconds, float(cursor.fetchone()[0] or 0))
                self.samples += 1
        finally:
            connection.close()

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def make_people(number):
    """Accounts in one statement; nobody signs in to them."""
    return many([User(handle=f"fan{n}", email=f"fan{n}@example.org", password="!") for n in range(number)])


def erased_with_commits(user):
    """Erase the person; (the longest transaction in seconds, the number of transactions)."""
    be_due(user)
    with LongestTransaction() as longest, CaptureQueriesContext(connection) as statements:
        erasure.erase(user.pk)
    assert longest.samples > 5
    commits = sum(statement["sql"] == "COMMIT" for statement in statements.captured_queries)
    assert not User.objects.filter(pk=user.pk).exists()
    return longest.seconds, commits


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestALongHistory:
    @pytest.mark.promise("P10")
    def test_erasure_of_a_large_account_leaves_nothing(self, deliver):
        alice = UserFactory(handle="alice")
        posts = [PostFactory(author=alice) for _ in range(200)]
        fans = make_people(5000)
        make_likes(posts, fans[:100])
        many([Follow(follower=fan, followed=alice) for fan in fans])
        many([Follow(follower=alice, followed=fan) for fan in fans])
        User.objects.filter(pk__in=[fan.pk for fan in fans]).update(follower_count=1, following_count=1)
        User.objects.filter(pk=alice.pk).update(follower_count=5000, following_count=5000)
        hers = put_originals(alice)
        assert len(hers & everything_stored()) == 200
        seconds, commits = erased_with_commits(alice)
        assert seconds < LONGEST_LOCK
        assert commits > 200 + 2 * 10
        deliver()
        assert [reference for reference, rows in held_on(alice.pk).items() if rows] == []
        assert tables_with(str(alice.pk)) == set()
        assert not Post.objects.exists()
        assert not Media.objects.exists()
        assert not Follow.objects.exists()
        assert not Like.objects.exists()
        assert repair_counters() == 0
        assert User.objects.count() == 5000
        sweeps.delete_pending_objects()
        assert not hers & everything_stored()

    @pytest.mark.promise("R1")
    def test_many_likes_are_deleted_in_batches_with_their_counts(self):
        alice, authors = UserFactory(handle="alice"), make_people(100)
        posts = many([Post(author=author, status="published") for author in authors for _ in range(200)])
        make_likes(posts, [alice])
        User.objects.filter(pk__in=[author.pk for author in authors]).update(post_count=200)
        seconds, commits = erased_with_commits(alice)
        assert seconds < LONGEST_LOCK
        assert commits > 20
        assert not Like.objects.exists()
        assert repair_counters() == 0


def put_originals(user):
    """An object in storage for every original; returns their places."""
    client = storage.client()
    keys = list(Media.objects.owned_by(user.pk).values_list("original_key", flat=True))
    for key in keys:
        client.put_object(Bucket=django_settings.S3_PRIVATE_BUCKET, Key=key, Body=b"x")
    return {(django_settings.S3_PRIVATE_BUCKET, key) for key in keys}


def everything_stored():
    """(bucket, key) of all there is in both buckets."""
    client = storage.client()
    pages = client.get_paginator("list_objects_v2")
    buckets = (django_settings.S3_PRIVATE_BUCKET, django_settings.S3_PUBLIC_BUCKET)
    return {
        (bucket, row["Key"])
        for bucket in buckets
        for page in pages.paginate(Bucket=bucket)
        for row in page.get("Contents", [])
    }


def make_likes(posts, people):
    """Everybody likes everything."""
    many([Like(post=post, user=liker) for post in posts for liker in people])
    Post.objects.filter(pk__in=[post.pk for post in posts]).update(like_count=len(people))
