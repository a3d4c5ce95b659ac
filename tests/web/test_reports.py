"""Reports and appeals as pages, and the statement of reasons through the API."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.core.db.ids import new_id
from apps.moderation import privacy, services
from apps.moderation.appeals import objections, statements
from apps.moderation.models import Appeal, Flag
from apps.notifications.models import Notification
from tests.factories import PASSWORD, CommentFactory, PostFactory
from tests.moderation.people import make_moderator
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def decision(alice, mod):
    """The takedown of a post by alice."""
    post = PostFactory(author=alice, caption="Buy watches")
    return services.take_down_post(post, by=mod, reason="It is an advertisement.", category="spam")


@pytest.mark.parametrize("kind", ["post", "comment", "user"])
def test_member_reports(kind, alice, bob):
    post = PostFactory(author=alice)
    target = {"post": post, "comment": CommentFactory(post=post, author=alice), "user": alice}[kind]
    path = f"/report?type={kind}&id={target.pk}"
    assert Browser(bob).get(path).status_code == 200
    response = Browser(bob).post(path, {"category": "spam", "note": "Again."})
    assert "Thank you" in response.content.decode()
    flag = Flag.objects.get()
    assert (flag.target_type, flag.target_id, flag.category, flag.note) == (kind, target.pk, "spam", "Again.")


@pytest.mark.parametrize("query", ["", "type=post", "type=x&id={id}", "type=post&id=x", "type=post&id={id}"])
def test_report_of_nothing_is_not_found(query, bob):
    assert Browser(bob).get(f"/report?{query.format(id=new_id())}").status_code == 404


def test_report_of_an_invisible_post_is_not_found(alice, mallory):
    post = PostFactory(author=alice)
    assert Browser(mallory).get(f"/report?type=post&id={post.pk}").status_code == 404


def test_visitor_who_reports_is_sent_to_sign_in(alice):
    response = Browser().get(f"/report?type=user&id={alice.pk}")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login?next=%2Freport")


@pytest.mark.parametrize("body", [{}, {"category": "x"}, {"category": "spam", "note": "x" * 1001}])
def test_malformed_report_shows_an_error(body, alice, bob):
    response = Browser(bob).post(f"/report?type=user&id={alice.pk}", body)
    assert response.status_code == 400
    assert "field-error" in response.content.decode()
    assert not Flag.objects.exists()


def appeal_path(decision, token=None):
    return f"/appeal?action={decision.pk}&token={token or statements.appeal_token(decision.pk)}"


def test_holder_of_the_link_reads_the_statement_and_appeals_once(decision):
    page = Browser().get(appeal_path(decision)).content.decode()
    assert "Your post was taken down" in page
    assert "It is an advertisement." in page
    page = Browser().post(appeal_path(decision), {"text": "It is my own photo."}).content.decode()
    assert "We have received your appeal." in page
    assert Appeal.objects.get().text == "It is my own photo."
    response = Browser().post(appeal_path(decision), {"text": "Again."})
    assert response.status_code == 409
    assert Appeal.objects.count() == 1


def test_affected_member_needs_no_token(decision, alice, bob):
    path = f"/appeal?action={decision.pk}"
    assert Browser(alice).get(path).status_code == 200
    assert Browser(bob).get(path).status_code == 404
    assert Browser().get(path).status_code == 302


@pytest.mark.parametrize("token", ["x", "", "a:b:c"])
def test_wrong_token_is_refused(token, decision):
    response = Browser().get(f"/appeal?action={decision.pk}&token={token}")
    assert response.status_code == 400
    assert "advertisement" not in response.content.decode()


def test_statement_of_another_action_is_refused(decision):
    path = f"/v1/moderation/actions/{decision.pk}/statement"
    assert Browser().get(path, {"token": statements.appeal_token(new_id())}).json()["code"] == "invalid_link"


def test_statement_through_the_api(decision, api, alice, bob, anonymous):
    path = f"/moderation/actions/{decision.pk}/statement"
    statement = api(alice).get(path).json()
    assert statement["subject"] == "Your post was taken down"
    assert statement["can_appeal"] is True
    assert "actor" not in statement
    assert anonymous.get(path, {"token": statements.appeal_token(decision.pk)}).json() == statement
    assert anonymous.get(path).status_code == 401
    assert api(bob).get(path).status_code == 404
    api(alice).post(f"/moderation/actions/{decision.pk}/appeal", {"text": "It is my own photo."})
    assert api(alice).get(path).json()["appeal"]["status"] == "open"
    assert api(alice).get(path).json()["can_appeal"] is False


# ── Own reports ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def dismissed(alice, bob, mod):
    """Bob's report of a post by alice, with the explanation of the moderator."""
    report = services.flag(PostFactory(author=alice), by=bob.pk, category="hate", note="She <hates>.")[0]
    return services.resolve_flag(report, by=mod, resolution="dismissed", note="It is a joke.")


def read(user, path):
    return Browser(user).get(path).content.decode()


def test_reporter_reads_the_outcome_and_objects_without_javascript(dismissed, bob):
    listed = read(bob, "/reports")
    for text in ("Report of a post", "No action", "It is a joke.", f"/reports/{dismissed.pk}"):
        assert text in listed
    path = f"/reports/{dismissed.pk}"
    assert "She &lt;hates&gt;." in read(bob, path)
    assert "Send objection" in read(bob, path)
    refused = Browser(bob).post(path, {"text": " "})
    assert refused.status_code == 400
    assert "field-error" in refused.content.decode()
    response = Browser(bob).post(path, {"text": "It is no joke."})
    assert (response.status_code, response.headers["Location"]) == (302, path)
    page = read(bob, path)
    assert "It is no joke." in page
    assert "Objection under review" in page
    assert "Send objection" not in page
    assert Browser(bob).post(path, {"text": "Again."}).status_code == 409
    assert Appeal.objects.get().text == "It is no joke."


def test_reports_of_others_are_not_found(dismissed, alice, mod):
    for user in (alice, mod):
        assert "You have not reported anything." in read(user, "/reports")
        assert Browser(user).get(f"/reports/{dismissed.pk}").status_code == 404


def test_notification_leads_to_the_report(dismissed, bob, deliver):
    judge = make_moderator("judge")
    objections.object_to(dismissed, by=bob.pk, text="No.")
    services.decide_appeal(Appeal.objects.get(), by=judge, overturn=False)
    deliver()
    page = read(bob, "/notifications")
    assert page.count(f'href="/reports/{dismissed.pk}"') == 3
    assert "There is news about your report." in page
    assert "Your objection was reviewed" in page
    for notification in Notification.objects.all():
        response = Browser(bob).get(f"/notifications/{notification.pk}")
        assert response.headers["Location"] == f"/reports/{dismissed.pk}"


def test_member_reads_the_decisions_about_them(decision, alice, bob):
    page = read(alice, "/settings/moderation")
    assert "Your post was taken down" in page
    assert f'href="/appeal?action={decision.pk}"' in page
    services.appeal(decision, by=alice.pk, text="No.")
    assert "Appeal under review" in read(alice, "/settings/moderation")
    assert "There are no decisions about you." in read(bob, "/settings/moderation")


# ── The console ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def console():
    """`console(user)`: a browser that is signed in to the console."""

    def sign_in(user):
        browser = Client()
        assert browser.login(username=user.handle, password=PASSWORD)
        return browser

    return sign_in


def test_objection_is_decided_in_the_console_without_the_reporter(dismissed, bob, console):
    judge = make_moderator("judge")
    objections.object_to(dismissed, by=bob.pk, text="It is no joke.")
    appeal = Appeal.objects.get()
    browser = console(judge)
    for path in (
        reverse("admin:index"),
        reverse("admin:moderation_appeals"),
        reverse("admin:moderation_appeal_changelist"),
    ):
        assert "bob" not in browser.get(path).text
    assert "It is no joke." in browser.get(reverse("admin:moderation_appeals")).text
    form = {"decision": "overturn", "note": "Indeed."}
    path = reverse("admin:moderation_appeal_decide", args=[appeal.pk])
    preview = browser.post(path, form).text
    assert "its case returns to the queue" in preview
    assert "bob" not in preview
    browser.post(path, form | {"step": "confirm"})
    assert Flag.objects.get().status == "open"


def test_console_shows_reports_of_erased_accounts(dismissed, alice, bob, console):
    about_her = services.flag(alice, by=bob.pk, category="spam")[0]
    privacy.erase(alice.pk)
    browser = console(make_moderator("judge"))
    assert browser.get(reverse("admin:moderation_flag_changelist")).text.count("obsolete") >= 1
    for report in (dismissed, about_her):
        assert browser.get(reverse("admin:moderation_flag_change", args=[report.pk])).status_code == 200
        assert "deleted account" in browser.get(reverse("admin:moderation_search"), {"q": report.pk}).text


def test_reported_moderator_does_not_see_the_reporters(bob, console):
    rude = make_moderator("rude")
    services.flag(rude, by=bob.pk, category="hate", note="Ask bob.")
    page = console(rude).get(reverse("admin:moderation_flag_case", args=["user", rude.pk])).text
    assert "1 open report" in page
    assert "bob" not in page
