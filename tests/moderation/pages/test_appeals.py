"""Appeals in the console: shown beside the decision, and decided by another moderator with a reason."""

import pytest
from django.urls import reverse

from apps.accounts import services as accounts
from apps.content.models import Post
from apps.moderation import services
from apps.moderation.models import Appeal, ModerationAction
from tests.factories import CommentFactory, PostFactory, UserFactory
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:moderation_appeals")
OWN = "The moderator who took the action cannot decide its appeal."


@pytest.fixture
def post(alice):
    return PostFactory(author=alice, caption="Evening at the pier", photos=2)


@pytest.fixture
def appeal(alice, mod, post):
    action = services.take_down_post(post, by=mod, reason="Nudity in the second photo.", category="nudity")
    return services.appeal(action, by=alice.pk, text="It is art.")


@pytest.fixture
def judge(db):
    return make_moderator("judge")


def decide(client, appeal, decision="overturn", note="It is art indeed.", *, step="confirm"):
    path = reverse("admin:moderation_appeal_decide", args=[appeal.pk])
    return client.post(path, {"decision": decision, "note": note, "step": step}, follow=True)


def test_appeal_is_shown_beside_the_decision(browser, judge, appeal, post):
    page = browser(judge).get(PAGE).text
    for shown in ("Nudity in the second photo.", "It is art.", "@mod", "@alice", "Evening at the pier", "Takedown"):
        assert shown in page
    assert reverse("admin:moderation_post", args=[post.pk]) in page
    assert page.count('class="pg-sensitive"') == 2, "what was taken down as nudity is blurred"
    assert reverse("admin:moderation_appeal_decide", args=[appeal.pk]) in page


@pytest.mark.parametrize(("decision", "status", "down"), [("uphold", "upheld", 1), ("overturn", "overturned", 0)])
def test_appeal_is_decided_with_a_reason(browser, judge, appeal, decision, status, down):
    page = decide(browser(judge), appeal, decision)
    assert page.redirect_chain == [(PAGE, 302)]
    assert "The appellant is notified." in page.text
    kept = Appeal.objects.get()
    assert (kept.status, kept.decided_by, kept.note) == (status, judge, "It is art indeed.")
    assert ModerationAction.objects.filter(action=f"{decision}_appeal", actor=judge, case_id=appeal.pk).exists()
    assert Post.objects.exclude(taken_down_at=None).count() == down
    shown = browser(judge).get(f"{PAGE}?status={status}").text
    assert "It is art indeed." in shown
    assert "<textarea" not in shown


@pytest.mark.parametrize(
    ("decision", "title", "effect"),
    [
        ("overturn", "Overturn the takedown of the post by @alice", "<strong>1</strong> post visible again"),
        ("uphold", "Uphold the takedown of the post by @alice", "remains in force"),
    ],
)
def test_appeal_is_previewed_before_it_is_decided(browser, judge, appeal, decision, title, effect):
    page = decide(browser(judge), appeal, decision, step="preview")
    assert page.status_code == 200
    for shown in (title, effect, "It is art indeed.", "Reason that @alice will see"):
        assert shown in page.text, shown
    assert Appeal.objects.get().status == "open"


def test_restoring_button_is_not_red(browser, judge, appeal):
    client = browser(judge)
    for page in (client.get(PAGE), decide(client, appeal, step="preview")):
        assert "pg-button-danger" not in page.text


@pytest.mark.promise("O1")
def test_moderator_who_decided_first_sees_why_they_cannot_decide(browser, mod, appeal):
    client = browser(mod)
    page = client.get(PAGE).text
    assert OWN in page
    assert reverse("admin:moderation_appeal_decide", args=[appeal.pk]) not in page
    for step in ("preview", "confirm"):
        assert OWN in decide(client, appeal, step=step).text
    assert Appeal.objects.get().status == "open"


@pytest.mark.promise("O1")
def test_appellant_cannot_decide(browser, judge):
    lead = make_moderator("lead", "admin")
    action = services.take_down_post(PostFactory(author=judge), by=lead, reason="Spam.", category="spam")
    appeal = services.appeal(action, by=judge.pk, text="No.")
    client = browser(judge)
    assert reverse("admin:moderation_appeal_decide", args=[appeal.pk]) not in client.get(PAGE).text
    decide(client, appeal)
    assert Appeal.objects.get().status == "open"


@pytest.mark.parametrize(("decision", "note"), [("overturn", "  "), ("burn", "Because."), ("overturn", "x" * 1001)])
def test_invalid_decision_of_an_appeal_is_refused(browser, judge, appeal, decision, note):
    assert "Nothing was decided" in decide(browser(judge), appeal, decision, note).text
    assert Appeal.objects.get().status == "open"


@pytest.mark.promise("O1")
def test_other_users_cannot_decide_an_appeal(browser, appeal, alice):
    clerk = UserFactory(handle="clerk", is_staff=True, is_superuser=False)
    path = reverse("admin:moderation_appeal_decide", args=[appeal.pk])
    assert browser(clerk).post(path, {"decision": "overturn", "note": "x"}).status_code == 403
    assert browser(alice).post(path, {"decision": "overturn", "note": "x"}).status_code == 302
    assert Appeal.objects.get().status == "open"


def test_decision_needs_post_and_an_existing_appeal(browser, judge, appeal, alice):
    client = browser(judge)
    assert client.get(reverse("admin:moderation_appeal_decide", args=[appeal.pk])).status_code == 405
    assert client.post(reverse("admin:moderation_appeal_decide", args=[alice.pk]), {}).status_code == 404
    assert client.get(f"{PAGE}?status=other").status_code == 404


def test_appeals_about_accounts_and_comments_are_shown(browser, judge, mod, alice, bob):
    comment = CommentFactory(post=PostFactory(author=alice), author=bob, text="You look like a fool.")
    taken = services.take_down_comment(comment, by=mod, reason="Insults.", category="harassment")
    services.appeal(taken, by=bob.pk, text="A joke.")
    accounts.open_session(alice)
    services.appeal(services.suspend(alice, by=mod, reason="Spam.", category="spam"), by=alice.pk, text="Not I.")
    page = browser(judge).get(PAGE).text
    assert "You look like a fool." in page
    assert "Suspension of @alice" in page
    assert page.index("A joke.") < page.index("Not I."), "who has waited longest comes first"


def test_next_page_starts_after_the_last_id(browser, judge, mod, alice):
    for n in range(12):
        action = services.take_down_post(PostFactory(author=alice), by=mod, reason="Spam.", category="spam")
        services.appeal(action, by=alice.pk, text=f"Appeal number {n:02}.")
    client = browser(judge)
    first = client.get(PAGE)
    following = client.get(PAGE + first.context["page"].next)
    assert "Appeal number 09." in first.text
    assert "Appeal number 10." not in first.text
    assert "Appeal number 10." in following.text
    assert following.context["page"].next == ""
    assert following.context["page"].first
