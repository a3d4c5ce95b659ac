"""The list of notifications, without JavaScript."""

import re

import pytest

from apps.accounts import services as accounts
from apps.engagement import comments
from apps.engagement import services as engagement
from apps.notifications import push, reads
from apps.notifications.models import Notification, NotificationEvent, PushSubscription
from apps.social import services as social
from tests.factories import CommentFactory, PostFactory, UserFactory
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
XSS = '"><script>alert(1)</script><img src=x onerror=alert(1)>{who}'


@pytest.fixture
def post(alice):
    return PostFactory(author=alice, caption="Low tide")


def like(post, number, deliver):
    people = [UserFactory(display_name=f"Fan {n}") for n in range(number)]
    for person in people:
        engagement.like(post.pk, by=person.pk)
    deliver()
    return people


def page(user, path="/notifications"):
    response = Browser(user).get(path)
    assert response.status_code == 200
    return response.content.decode()


def text_of(html):
    """Without the elements around names."""
    return html.replace("<bdi>", "").replace("</bdi>", "")


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "Fan 0 likes your post."),
        (2, "Fan 1 and Fan 0 like your post."),
        (3, "Fan 2, Fan 1 and 1 other like your post."),
        (5, "Fan 4, Fan 3 and 3 others like your post."),
    ],
)
def test_likes_of_a_post_are_one_entry(number, sentence, alice, post, deliver):
    like(post, number, deliver)
    html = page(alice)
    assert sentence in text_of(html)
    assert html.count('class="notice unread"') == 1
    assert f'href="/p/{post.pk}"' in html
    assert 'class="notice-photo"' in html


def test_each_type_has_a_sentence_and_leads_to_its_page(alice, bob, carol, post, deliver):
    comment = CommentFactory(post=post, author=alice)
    engagement.like_comment(comment.pk, by=carol.pk)
    reply = comments.comment(post.pk, by=carol.pk, text="Hello @alice")
    social.follow(alice.pk, by=carol.pk)
    follower = f'href="/@{carol.handle}"'
    deliver()
    html = page(alice)
    assert "likes your comment." in html
    assert f"#comment-{comment.pk}" in html
    assert "has mentioned you in a comment." in html
    assert f"#comment-{reply.pk}" in html
    assert "follows you." in html
    assert follower in html


def test_requests_and_decisions_lead_to_their_pages(alice, carol, deliver):
    alice.is_private = True
    alice.save()
    social.follow(alice.pk, by=carol.pk)
    deliver()
    decision = Notification.objects.create(recipient=alice, type="moderation", statement="Taken <b>down</b>\n\nSpam.")
    NotificationEvent.objects.create(notification=decision, recipient=alice, cause=carol.pk)
    html = page(alice)
    assert "asks to follow you." in html
    assert 'class="notice-link" href="/requests"' in html
    assert "The moderators have made a decision" in html
    assert f'class="notice-link" href="/appeal?action={carol.pk}"' in html
    assert "Taken &lt;b&gt;down&lt;/b&gt;</p>" in html
    assert Browser(alice).get(f"/notifications/{decision.pk}").headers["Location"] == f"/appeal?action={carol.pk}"
    social.accept_request(carol.pk, by=alice.pk)
    deliver()
    html = page(carol)
    assert "has accepted your request to follow." in html
    assert 'class="notice-link" href="/@alice"' in html


def test_texts_of_others_are_escaped(alice, post, deliver):
    mallet = UserFactory(display_name=XSS[:50])
    post.caption = XSS
    post.save()
    engagement.like(post.pk, by=mallet.pk)
    deliver()
    html = page(alice)
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_empty_list_suggests_the_next_step(alice):
    assert 'href="/new"' in page(alice)
    assert "You have read everything." in page(alice, "/notifications?unread=true")


def test_button_marks_everything_as_read(alice, post, deliver):
    like(post, 1, deliver)
    browser = Browser(alice)
    html = browser.get("/notifications").content.decode()
    assert "<title>(1) Activity" in html
    assert 'data-unread="1"' in html
    notification = Notification.objects.get()
    response = browser.post("/notifications/read", {"up_to": str(notification.pk)})
    assert (response.status_code, response.headers["Location"]) == (302, "/notifications")
    html = browser.get("/notifications").content.decode()
    assert "<title>Activity" in html
    assert "Mark all as read" not in html
    assert 'class="notice"' in html


def test_newer_notifications_stay_unread(alice, bob, post, deliver):
    like(post, 1, deliver)
    seen = Notification.objects.get()
    comments.comment(post.pk, by=bob.pk, text="New")
    deliver()
    Browser(alice).post("/notifications/read", {"up_to": str(seen.pk)})
    assert reads.count_unread(alice.pk) == 1


def test_unread_filter(alice, bob, post, deliver):
    like(post, 1, deliver)
    Browser(alice).post("/notifications/read", {})
    comments.comment(post.pk, by=bob.pk, text="New")
    deliver()
    assert page(alice).count("<article") == 2
    assert page(alice, "/notifications?unread=true").count("<article") == 1


def test_next_page_is_a_part_for_htmx(alice, post, deliver, monkeypatch):
    monkeypatch.setattr("apps.web.views.notifications.NOTIFICATIONS", 1)
    like(post, 1, deliver)
    like(PostFactory(author=alice), 1, deliver)
    browser = Browser(alice)
    next_url = browser.get("/notifications?unread=true").context["notifications"].next_url
    assert "unread=true" in next_url
    part = browser.htmx("get", next_url).content.decode()
    assert "<html" not in part
    assert part.count("<article") == 1


def test_pages_need_a_member(db):
    response = Browser().get("/notifications")
    assert (response.status_code, response.headers["Location"]) == (302, "/login?next=%2Fnotifications")


def test_opened_notification_is_read_and_leads_to_its_page(alice, carol, post, deliver):
    like(post, 1, deliver)
    path = f"/notifications/{Notification.objects.get().pk}"
    assert Browser(carol).get(path).status_code == 404
    assert reads.count_unread(alice.pk) == 1
    response = Browser(alice).get(path)
    assert (response.status_code, response.headers["Location"]) == (302, f"/p/{post.pk}")
    assert reads.count_unread(alice.pk) == 0


def test_scripts_mark_as_read_and_count(alice, post, deliver):
    like(post, 1, deliver)
    browser = Browser(alice)
    assert browser.get("/web/unread").json() == {"unread": 1}
    body = {"up_to": str(Notification.objects.get().pk)}
    response = browser.post("/web/notifications/read", body, content_type="application/json")
    assert (response.status_code, response.json()) == (200, {"unread": 0})


# ── Push ─────────────────────────────────────────────────────────────────────────────────────────────────
SUBSCRIPTION = {
    "endpoint": "https://push.example/send/1",
    "expirationTime": None,
    "keys": {"p256dh": "B" * 87, "auth": "A" * 22},
}


@pytest.fixture
def vapid(settings):
    settings.VAPID_PRIVATE_KEY = settings.VAPID_PUBLIC_KEY = "x"


def test_browser_subscribes_and_unsubscribes(alice, carol, vapid):
    browser = Browser(alice)
    made = browser.post("/web/push-subscriptions", SUBSCRIPTION, content_type="application/json")
    assert made.status_code == 201
    [listed] = browser.get("/web/push-subscriptions").json()["results"]
    assert listed["endpoint"] == SUBSCRIPTION["endpoint"]
    path = f"/web/push-subscriptions/{listed['id']}"
    assert Browser(carol).delete(path).status_code == 404
    assert push.is_possible(alice.pk)
    assert browser.delete(path).status_code == 204
    assert not push.is_possible(alice.pk)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_signing_out_and_ending_the_session_elsewhere_end_push(elsewhere, alice, vapid):
    browser = Browser(alice)
    browser.post("/web/push-subscriptions", SUBSCRIPTION, content_type="application/json")
    assert push.is_possible(alice.pk)
    if elsewhere:
        accounts.end_session(alice.pk, PushSubscription.objects.get().session_id)
    else:
        browser.post("/logout")
    assert not push.is_possible(alice.pk)


def test_question_for_push_is_hidden_without_javascript_and_without_keys(alice, settings):
    assert "data-push" not in page(alice)
    settings.VAPID_PUBLIC_KEY = "BKey"
    assert re.search(r'<section class="push" data-push="BKey"[^>]* hidden>', page(alice))
