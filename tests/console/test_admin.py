"""The console: sign-in, query budgets of pages, and forms that change nothing."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import DataExport, EmailDomain, Erasure, Invitation, WithheldHandle
from apps.content.models import Tag
from apps.core.db.ids import new_id
from apps.core.models import DeadLetter, JobRun
from apps.engagement.models import Like, Save
from apps.media.models import PendingDeletion
from apps.moderation import notes
from apps.moderation import services as moderation
from apps.moderation.cases import proposals
from apps.moderation.models import ReasonTemplate
from apps.notifications.models import Delivery, Notification, NotificationEvent
from apps.safety.models import BlockedImage, BlockedTerm
from apps.site import services as site
from apps.social.models import FollowRequest
from tests.factories import (
    PASSWORD,
    BlockFactory,
    CommentFactory,
    FollowFactory,
    MediaFactory,
    MuteFactory,
    PostFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
OURS = [model for model in admin.site._registry if model.__module__.startswith("apps.")]
# Their forms call a service with tests of its own (tests/moderation/queue/test_reasons.py).
KEPT_BY_VERBS = {ReasonTemplate}


@pytest.fixture
def browser(alice, bob):
    post = PostFactory(author=alice, caption="<script>alert(1)</script>")
    CommentFactory(post=post, author=bob, text="<script>alert(1)</script>")
    for reaction in (Like, Save):
        reaction.objects.create(post=post, user=bob)
    MediaFactory(owner=alice)
    Tag.objects.create(name="summer")
    WithheldHandle.objects.create(handle="alicia", until=timezone.now())
    FollowRequest.objects.create(requester=alice, target=bob)
    MuteFactory(muter=alice, muted=bob)
    PendingDeletion.objects.create(bucket="photographs", key="variants/gone.webp")
    FollowFactory(follower=alice, followed=bob)
    BlockFactory(blocker=alice, blocked=UserFactory())
    accounts.open_session(alice)
    root = UserFactory(handle="root", is_staff=True, is_superuser=True)
    moderation.flag(alice, by=bob.pk, category="spam", note="<script>alert(1)</script>")
    taken_down = moderation.take_down_post(
        PostFactory(author=alice), by=root, reason="<script>alert(1)</script>", category="spam"
    )
    moderation.appeal(taken_down, by=alice.pk, text="<script>alert(1)</script>")
    proposals.propose(alice, by=root, reason="<script>alert(1)</script>", category="spam")
    notes.add(alice, by=root, text="<script>alert(1)</script>")
    DataExport.objects.create(user=alice, error="<script>alert(1)</script>")
    Erasure.objects.create(user_id=alice.pk)
    Invitation.objects.create(creator=root, max_uses=1, expires_at=timezone.now())
    EmailDomain.objects.create(domain="blocked.example", effect="block", reason="<script>alert(1)</script>")
    DeadLetter.objects.create(
        task_id=new_id(), task_name="apps.core.tasks.probe", failure_reason="<script>alert(1)</script>"
    )
    JobRun.objects.create(name="apps.core.tasks.repair_counters", error="<script>alert(1)</script>")
    BlockedImage.objects.create(
        image_hash="ab" * 32, category="spam", reason="<script>alert(1)</script>", medium_id=alice.pk
    )
    BlockedTerm.objects.create(
        kind="word", text="<script>alert(1)</script>", comparable="x", effect="flag", reason="<script>alert(1)</script>"
    )
    script = {"en": {"title": "<script>alert(1)</script>", "text": "<script>alert(1)</script>"}}
    site.change_settings(name="<script>alert(1)</script>")
    site.add_rule(script)
    site.publish_document("terms", texts=script)
    site.save_announcement(None, texts=script, starts_at=None, ends_at=None)
    told = Notification.objects.create(recipient=alice, type="comment", post=post)
    caused = NotificationEvent.objects.create(notification=told, recipient=alice, actor=bob, cause=new_id())
    Delivery.objects.create(event=caused, channel="email", status="failed", error="<script>alert(1)</script>")
    client = Client()
    assert client.login(username="root", password=PASSWORD)
    return client


def test_only_staff_can_sign_in(alice):
    assert Client().get("/admin/").status_code != 200
    outsider = Client()
    outsider.login(username="alice", password=PASSWORD)
    assert outsider.get("/admin/").status_code == 302


@pytest.mark.promise("O2")
def test_pages_have_a_content_security_policy(browser):
    answer = browser.get("/admin/")
    assert answer.status_code == 200
    assert "object-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.slow
def test_every_page_is_within_its_query_budget_and_escapes_text(browser, django_assert_max_num_queries, subtests):
    for model in OURS:
        with subtests.test(model=model.__name__):
            keep_query_budget_and_escape_text(browser, model, django_assert_max_num_queries)


def keep_query_budget_and_escape_text(browser, model, django_assert_max_num_queries):
    names = (model._meta.app_label, model._meta.model_name)
    for query in ("", "?q=alice&o=3.-2", f"?q={new_id()}", "?q=%25"):
        with django_assert_max_num_queries(12):
            page = browser.get(reverse("admin:{}_{}_changelist".format(*names)) + query)
        assert page.status_code == 200
        assert b"<script>alert(1)" not in page.content
    for row in model.objects.all()[:1]:
        with django_assert_max_num_queries(12):
            detail = browser.get(reverse("admin:{}_{}_change".format(*names), args=[row.pk]))
        assert detail.status_code == 200
        assert b"argon2" not in detail.content
        assert b"md5$" not in detail.content
        assert b"<script>alert(1)" not in detail.content


@pytest.mark.slow
@pytest.mark.promise("O1")
def test_no_form_adds_changes_or_deletes_rows(browser, subtests):
    for model in OURS:
        if model not in KEPT_BY_VERBS:
            with subtests.test(model=model.__name__):
                refuse_forms(browser, model)


def refuse_forms(browser, model):
    names = (model._meta.app_label, model._meta.model_name)
    row = model.objects.first()
    if row is None:
        pytest.fail(f"no {model.__name__} to try with")
    before = model.objects.values().get(pk=row.pk)
    assert browser.post(reverse("admin:{}_{}_add".format(*names)), {}).status_code == 403
    assert (
        browser.post(reverse("admin:{}_{}_change".format(*names), args=[row.pk]), {"caption": "x"}).status_code == 403
    )
    assert browser.post(reverse("admin:{}_{}_delete".format(*names), args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model.objects.values().get(pk=row.pk) == before
