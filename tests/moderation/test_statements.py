"""Statements of reasons: their text, and one mail for each action."""

import re
from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from apps.accounts.models import User
from apps.core.db.ids import moment_of
from apps.core.models import QueuedTask
from apps.moderation import services
from apps.moderation.appeals import statements
from apps.moderation.cases import queue
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Category, ModerationAction, Statement
from apps.moderation.privacy import erase
from apps.moderation.tasks import send_statement
from tests.factories import PostFactory, UserFactory
from tests.moderation.people import BECAUSE, make_moderator, suspended, taken_down
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def mail_about(action):
    """The mail about the action, sent."""
    mail.outbox.clear()
    statements.send(action.pk)
    (message,) = mail.outbox
    return message


class TestText:
    def test_statement_of_a_takedown_has_content_reason_and_appeal(self, api, alice, mod):
        action = taken_down(PostFactory(author=alice, caption="Low tide at the pier"), mod)
        message = mail_about(action)
        created = moment_of(action.target_id)
        assert message.to == ["alice@example.org"]
        assert message.subject == "Your post was taken down"
        for said in (
            f"your post of {created.day} {created:%B %Y} (“Low tide at the pier”)",
            "Sells watches.",
            "our rules, which do not allow spam",
            "on our own initiative",
            "no automated means",
            "until it is lifted",
            "Use the link in our mail",
            "Appeal this decision: http",
            "to a court",
            f"Reference: {action.pk}",
        ):
            assert said in message.body, said
        assert "@mod" not in message.body

    def test_link_of_the_mail_opens_the_appeal(self, anonymous, alice, mod, settings):
        action = suspended(alice, mod)
        link = re.search(rf"{re.escape(settings.CLIENT_URL)}/appeal\?action=(\S+)&token=(\S+)", mail_about(action).body)
        assert link
        answer = anonymous.post(f"/moderation/actions/{link[1]}/appeal", {"text": "No.", "token": link[2]})
        assert answer.status_code == 201

    def test_statement_of_a_suspension_has_its_end(self, alice, mod):
        until = datetime(2126, 11, 23, 16, 14, tzinfo=UTC)
        assert "until 23 November 2126, 16:14 UTC" in mail_about(suspended(alice, mod, until=until)).body

    def test_statement_says_whether_the_target_was_reported(self, alice, bob, mod):
        post = PostFactory(author=alice)
        services.flag(post, by=bob.pk, category="spam")
        assert "It was reported" in mail_about(taken_down(post, mod)).body

    def test_statement_of_a_suspension_for_a_reported_post_says_so(self, alice, bob, mod):
        post = PostFactory(author=alice)
        services.flag(post, by=bob.pk, category="spam")
        suspension = queue.decide_case(Target.of(post), by=mod, decision="suspend", **BECAUSE).action
        assert "It was reported" in mail_about(suspension).body

    @pytest.mark.parametrize("category", Category.values)
    def test_statement_names_the_rule_of_every_category(self, alice, mod, category):
        action = services.take_down_post(PostFactory(author=alice), by=mod, reason="Because.", category=category)
        assert str(statements.RULES[Category(category)]) in mail_about(action).body

    def test_statement_of_a_restoration_is_short(self, alice, mod):
        post, other = PostFactory(author=alice), make_moderator("other")
        action = taken_down(post, mod)
        appeal = services.appeal(action, by=alice.pk, text="No.")
        services.decide_appeal(appeal, by=other, overturn=True, note="Sorry.")
        message = mail_about(appeal.action.reversal)
        assert "reversed our decision" in message.body
        assert "Sorry." in message.body
        assert "token=" not in message.body
        suspended(alice, mod)
        assert "Your account is restored" in mail_about(services.unsuspend(alice, by=mod)).subject

    def test_overturned_but_replaced_suspension_is_explained(self, alice, mod):
        appeal = services.appeal(suspended(alice, mod), by=alice.pk, text="No.")
        suspended(alice, mod, until=datetime(2126, 11, 23, tzinfo=UTC))
        services.decide_appeal(appeal, by=make_moderator("other"), overturn=True)
        overturned = ModerationAction.objects.get(action="overturn_appeal")
        assert "later decisions remain in force" in mail_about(overturned).body
        assert User.objects.get(pk=alice.pk).state == "suspended"

    @pytest.mark.promise("I1")
    def test_user_text_is_escaped_in_the_mail(self, mod):
        dora = UserFactory(handle="dora")
        dora.display_name = "<b>Dora</b>\r\nBcc: x@example.org"
        dora.save()
        reason = "<script>alert(1)</script>"
        action = services.take_down_post(PostFactory(author=dora), by=mod, reason=reason, category="spam")
        message = mail_about(action)
        html = message.alternatives[0][0]
        assert "<script>" not in html
        assert "<b>" not in html
        assert "&lt;script&gt;" in html
        assert reason in message.body
        assert "Bcc" not in message.message()


class TestOneMail:
    @pytest.fixture
    def action(self, alice, mod):
        mail.outbox.clear()
        return taken_down(PostFactory(author=alice), mod)

    @staticmethod
    def is_enqueued():
        return QueuedTask.objects.filter(task_name="apps.moderation.tasks.send_statement").count()

    def test_mail_is_sent_once_if_the_task_runs_twice(self, action):
        bell = QueuedTask.objects.get(task_name="apps.moderation.tasks.send_statement")
        for _ in range(2):
            send_statement.apply(kwargs=bell.kwargs, throw=True)
        assert len(mail.outbox) == 1
        assert Statement.objects.get().mailed_at is not None

    def test_rolled_back_action_sends_no_mail(self, alice, mod, monkeypatch):
        monkeypatch.setattr(services, "in_force", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            taken_down(PostFactory(author=alice), mod)
        assert not Statement.objects.exists()
        assert not self.is_enqueued()

    def test_failed_mail_is_retried_a_limited_number_of_times(self, action, monkeypatch):
        send = EmailMultiAlternatives.send
        monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
        now = timezone.now()
        statements.send(action.pk)
        assert (Statement.objects.get().mailed_at, Statement.objects.get().attempts) == (None, 1)
        QueuedTask.objects.all().delete()
        statements.enqueue_due()
        assert not self.is_enqueued()
        with time_machine.travel(now + timedelta(minutes=3)):
            statements.enqueue_due()
            assert self.is_enqueued() == 1
            monkeypatch.setattr(EmailMultiAlternatives, "send", send)
            statements.send(action.pk)
        assert len(mail.outbox) == 1
        QueuedTask.objects.all().delete()
        Statement.objects.update(mailed_at=None, attempts=statements.MAX_ATTEMPTS)
        with time_machine.travel(now + timedelta(days=3)):
            statements.enqueue_due()
            statements.send(action.pk)
        assert not self.is_enqueued()
        assert len(mail.outbox) == 1

    @pytest.mark.promise("C2")
    def test_lost_task_or_worker_is_recovered(self, action, monkeypatch):
        QueuedTask.objects.all().delete()
        now = timezone.now()
        statements.enqueue_due()
        assert not self.is_enqueued(), "its task is not due yet"
        with time_machine.travel(now + timedelta(seconds=35)):
            statements.enqueue_due()
            assert self.is_enqueued() == 1
            monkeypatch.setattr(statements, "_mail", die)
            with pytest.raises(KeyboardInterrupt):
                statements.send(action.pk)
            monkeypatch.undo()
        QueuedTask.objects.all().delete()
        with time_machine.travel(now + timedelta(seconds=100)):
            statements.enqueue_due()
            assert self.is_enqueued() == 1
            statements.send(action.pk)
        assert len(mail.outbox) == 1

    def test_closed_report_sends_no_mail(self, alice, bob, mod):
        flag = services.flag(alice, by=bob.pk, category="spam")[0]
        services.resolve_flag(flag, by=mod, resolution="dismissed")
        assert not Statement.objects.exists()

    def test_mail_to_a_deleted_user_is_skipped(self, alice, action):
        erase(alice.pk)
        statements.send(action.pk)
        assert mail.outbox == []


def refuse(*_):
    raise SMTPServerDisconnected("Connection unexpectedly closed")


def die(*_):
    raise KeyboardInterrupt


@pytest.mark.promise("R2")
@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_send_one_mail():
    mod = make_moderator("mod")
    for _ in range(4):
        action = services.suspend(UserFactory(), by=mod, **BECAUSE)
        mail.outbox.clear()
        in_threads(4, lambda action=action: statements.send(action.pk))
        assert len(mail.outbox) == 1
