"""A moderator's morning in Chromium: sign in with a code, clear a queue by keyboard, remove a wave of spam, suspend and
undo, decide an appeal, export the audit."""

import csv
import io

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.models import Appeal, Flag, ModerationAction, ReasonTemplate
from tests.console.codes import code_of, enrol
from tests.factories import PASSWORD, CommentFactory, PostFactory, UserFactory
from tests.moderation.people import make_moderator, taken_down
from tests.moderation.queue.helpers import report

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
QUEUE = reverse("admin:moderation_flag_queue")
TEN = 10


@pytest.fixture
def reasons():
    """Reasons to choose from, as a migration leaves them."""
    for action, category, title, text in [
        ("take_down", "spam", "Spam or scam", "It advertises what it does not say it is."),
        ("dismiss", "", "Within the rules", "Nothing breaks our rules."),
        ("suspend", "spam", "An account for spam", "The account posts little else than spam."),
    ]:
        ReasonTemplate.objects.get_or_create(action=action, title=title, defaults={"category": category, "text": text})


def sign_in(console, person):
    device, _ = enrol(person)
    page = console.open()
    page.goto("/admin/")
    page.get_by_label("Handle").fill(person.handle)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Authentication code").fill(code_of(device))
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/admin/")
    return page


def press(page, key):
    """Once the page's script listens."""
    page.wait_for_load_state("load")
    page.keyboard.press(key)


def focused(page):
    """The name of the field that has the focus."""
    return page.evaluate("document.activeElement.name")


def decide(page, key):
    """By keyboard alone: the key of the decision, a template by the arrow keys, preview and confirmation."""
    press(page, key)
    page.wait_for_url(f"**act={ {'t': 'take_down', 'd': 'dismiss', 's': 'suspend'}[key] }")
    page.wait_for_load_state("load")
    assert focused(page) == "template"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Effect").wait_for()
    page.get_by_role("button", name="Confirm").focus()
    press(page, "Enter")
    page.get_by_role("heading", name="Effect").wait_for(state="detached")


@pytest.mark.usefixtures("reasons")
def test_queue_of_ten_cases_is_cleared_by_keyboard(console, mod):
    alice = UserFactory(handle="alice")
    for number in range(TEN):
        report(PostFactory(author=alice, caption=f"Low tide {number}"), category="spam")
    page = sign_in(console, mod)
    page.goto(QUEUE)
    press(page, "j")
    press(page, "Enter")
    page.get_by_role("heading", name="Decide", exact=True).wait_for()
    for number in range(TEN):
        decide(page, "t" if number % 2 else "d")
    page.goto(QUEUE)
    page.get_by_text("The queue is empty").wait_for()
    assert not Flag.objects.filter(status="open").exists()
    assert Post.objects.exclude(taken_down_at=None).count() == TEN // 2
    decided = ModerationAction.objects.filter(actor=mod)
    assert decided.filter(action="takedown").count() == decided.filter(action="dismiss_flag").count() == TEN // 2


@pytest.mark.usefixtures("reasons")
def test_wave_of_spam_is_taken_down_in_bulk(console, mod):
    alice, spammer = UserFactory(handle="alice"), UserFactory(handle="spammer")
    wave = [CommentFactory(post=PostFactory(author=alice), author=spammer, text="Watches, 90 % off") for _ in range(6)]
    for comment in wave:
        report(comment)
    page = sign_in(console, mod)
    page.goto(QUEUE)
    page.get_by_label("Select all 6 on this page").check()
    page.get_by_text("6 selected").wait_for()
    page.get_by_label("With selected").select_option("take_down")
    page.get_by_role("button", name="Preview…").click()
    page.get_by_role("heading", name="Take down: 6 cases", level=2).wait_for()
    assert Comment.objects.filter(taken_down_at=None).count() == 6
    page.get_by_label("Reason template").select_option(label="Spam or scam")
    page.get_by_role("button", name="6").click()
    page.get_by_text("6 cases decided").wait_for()
    assert not Comment.objects.filter(taken_down_at=None).exists()
    assert not Flag.objects.filter(status="open").exists()


@pytest.mark.usefixtures("reasons")
def test_suspension_is_undone_appeal_decided_and_audit_exported(console, mod):
    alice, bob, lead = (
        UserFactory(handle="alice"),
        UserFactory(handle="bob"),
        make_moderator("lead", "senior_moderator"),
    )
    report(bob)
    appeal = services.appeal(taken_down(PostFactory(author=alice), lead), by=alice.pk, text="I took it myself.")
    page = sign_in(console, mod)

    page.goto(QUEUE)
    press(page, "j")
    press(page, "Enter")
    page.get_by_role("heading", name="Decide", exact=True).wait_for()
    decide(page, "s")
    assert User.objects.get(pk=bob.pk).state == "suspended"
    suspension = ModerationAction.objects.get(action="suspend")
    page.goto(reverse("admin:moderation_moderationaction_undo", args=[suspension.pk]))
    page.get_by_label("Reason", exact=True).fill("The wrong bob.")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("that this decision closed stays closed").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone or replaced").wait_for()
    assert User.objects.get(pk=bob.pk).state == "active"

    page.goto(reverse("admin:moderation_appeals"))
    page.get_by_text("I took it myself.").wait_for()
    page.get_by_label("Reason (the appellant sees it)").fill("The raw file shows it.")
    page.get_by_role("button", name="Overturn").click()
    page.get_by_role("heading", name="Overturn the takedown of the post by @alice", level=2).wait_for()
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("The appellant is notified.").wait_for()
    assert Appeal.objects.get(pk=appeal.pk).status == "overturned"
    assert not Post.objects.exclude(taken_down_at=None).exists()

    page.goto(reverse("admin:moderation_audit"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert len(rows) == ModerationAction.objects.count() >= 4
