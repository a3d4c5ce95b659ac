"""Pages of members who are suspended, deactivated or not confirmed, and the settings that change pages."""

import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import User
from apps.moderation import services as moderation
from tests.factories import PASSWORD, PostFactory
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


def reload(user):
    return User.objects.get(pk=user.pk)


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.content.decode()))


class TestSuspended:
    @pytest.fixture
    def browser(self, alice, mod):
        moderation.suspend(alice, by=mod, reason="Sells watches.", category="spam")
        browser = Browser()
        browser.post("/login", {"login": "alice", "password": PASSWORD})
        return browser

    def test_every_page_shows_the_reason_and_what_remains(self, browser, alice):
        for path, status in (("/suspended", 200), ("/", 403), ("/@alice", 403), ("/settings", 403)):
            response = browser.get(path)
            assert response.status_code == status
            page = text_of(response)
            assert "Sells watches." in page
            assert "The suspension has no end." in page
            for words in ("Send appeal", "Download your data", "Delete the account", "Sign out"):
                assert words in page
            assert 'data-signed-in="false"' in response.content.decode()
            # Nothing that the session may not use.
            assert 'action="/language"' not in response.content.decode()

    def test_scripts_and_htmx_get_the_problem(self, browser):
        response = browser.get("/web/unread", headers={"Accept": "application/json"})
        assert (response.status_code, response.json()["code"]) == (403, "account_suspended")
        assert response.json()["reason"] == "Sells watches."
        assert browser.htmx("get", "/new-posts").status_code == 403

    def test_refused_requests_are_limited(self, browser, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"read": (1, 60), "write": (1, 60)}
        scripts = {"Accept": "application/json"}
        assert [browser.get("/web/unread", headers=scripts).status_code for _ in range(2)] == [403, 429]
        assert [browser.get("/explore").status_code for _ in range(2)] == [403, 429]

    def test_appeal_is_sent_from_the_page_and_shown_there(self, browser):
        page = browser.get("/").content.decode()
        action = re.search(r'action="(/appeal\?action=[^"]+)"', page)[1]
        assert "We have received your appeal." in text_of(browser.post(action, {"text": "No."}))
        page = text_of(browser.get("/suspended"))
        assert "We have received your appeal." in page
        assert "Send appeal" not in page

    def test_export_and_deletion_work(self, browser, alice):
        assert browser.post("/settings/export", {"password": PASSWORD}).status_code == 302
        assert "We are making your archive." in text_of(browser.get("/settings/export"))
        assert browser.post("/settings/delete", {"password": PASSWORD}).status_code == 302
        assert (reload(alice).state, reload(alice).erase_after is not None) == ("suspended", True)
        assert browser.get("/suspended").status_code == 302
        browser.post("/login", {"login": "alice", "password": PASSWORD})
        assert "Your account will not be deleted." in text_of(browser.get("/suspended"))

    def test_end_of_the_suspension_opens_the_site(self, browser, alice, mod):
        moderation.unsuspend(alice, by=mod, reason="A mistake.")
        assert browser.get("/settings").status_code == 200
        assert browser.get("/suspended").headers["Location"] == "/"


class TestDeactivation:
    def test_account_is_hidden_and_the_question_brings_it_back(self, alice):
        browser = Browser(alice)
        assert "Deactivate your account" in text_of(browser.get("/settings/account"))
        assert browser.post("/settings/deactivate", {"password": "wrong"}).status_code == 403
        response = browser.post("/settings/deactivate", {"password": PASSWORD}, follow=True)
        assert "Your account is hidden." in text_of(response)
        assert response.context["member"] is None
        assert browser.get("/@alice").status_code == 404

        question = browser.post("/login", {"login": "alice", "password": PASSWORD, "next": "/explore"})
        assert "Do you want to come back?" in text_of(question)
        assert reload(alice).state == "deactivated"
        fields = {"returning": question.context["returning"], "next": "/explore"}
        assert browser.post("/login", fields).headers["Location"] == "/explore"
        assert reload(alice).state == "active"
        assert "Your account is visible again." in text_of(browser.get("/"))

    def test_forged_or_old_answer_signs_nobody_in(self, alice):
        services.deactivate(alice, password=PASSWORD)
        browser = Browser()
        proof = browser.post("/login", {"login": "alice", "password": PASSWORD}).context["returning"]
        assert browser.post("/login", {"returning": proof + "x"}).headers["Location"] == "/login"
        changed = reload(alice)
        changed.set_password("quite another pass phrase")
        changed.save()
        assert browser.post("/login", {"returning": proof}).headers["Location"] == "/login"
        assert reload(alice).state == "deactivated"


class TestConfirmedAddress:
    @pytest.fixture(autouse=True)
    def required(self, settings):
        settings.REQUIRE_CONFIRMED_EMAIL = True

    def test_pages_say_what_to_do_with_a_button(self, alice, bob):
        post, browser = PostFactory(author=alice), Browser(bob)
        for path in ("/new", f"/p/{post.pk}", "/"):
            page = browser.get(path)
            assert "Until then you cannot post, comment or follow" in text_of(page), path
            assert 'action="/confirm-email/resend"' in page.content.decode()
        assert 'id="comment-text"' not in browser.get(f"/p/{post.pk}").content.decode()

    def test_comment_is_refused(self, alice, bob):
        post = PostFactory(author=alice)
        refused = Browser(bob).post(f"/p/{post.pk}/comments", {"text": "x", "key": "k" * 32})
        assert refused.status_code == 403
        assert post.comments.count() == 0

    def test_error_page_has_the_button(self, alice, carol, settings):
        settings.UNCONFIRMED_FOLLOWS = 0
        refused = Browser(alice).post("/@carol/follow")
        assert refused.status_code == 403
        assert "Confirm your e-mail address first" in text_of(refused)
        assert 'action="/confirm-email/resend"' in refused.content.decode()

    def test_confirmed_member_writes(self, alice, bob):
        User.objects.filter(pk=bob.pk).update(email_verified_at=timezone.now())
        page = Browser(bob).get(f"/p/{PostFactory(author=alice).pk}").content.decode()
        assert 'id="comment-text"' in page


class TestSettingsThatChangePages:
    def test_time_zone_is_saved_and_dates_follow_it(self, alice):
        browser = Browser(alice)
        fields = {"locale": "en", "time_zone": "Asia/Tokyo"}
        assert browser.post("/settings/account", fields).status_code == 302
        assert reload(alice).time_zone == "Asia/Tokyo"
        assert "<option selected>Asia/Tokyo</option>" in browser.get("/settings/account").content.decode()
        moment = datetime(2026, 1, 1, 20, tzinfo=UTC)
        post = PostFactory(author=alice, published_at=moment)
        type(post).objects.filter(pk=post.pk).update(created_at=moment)
        assert "2 January 2026" in browser.get(f"/p/{post.pk}").content.decode()
        assert "1 January 2026" in Browser().get(f"/p/{post.pk}").content.decode()

    def test_unknown_time_zone_is_refused_at_its_field(self, alice):
        response = Browser(alice).post("/settings/account", {"locale": "en", "time_zone": "Mars/Olympus"})
        assert response.status_code == 400
        assert 'id="time_zone-error"' in response.content.decode()

    @pytest.mark.parametrize(("sent", "stored"), [("Europe/Berlin", "Europe/Berlin"), ("Mars/Olympus", ""), ("", "")])
    def test_joining_takes_the_time_zone_of_the_browser(self, sent, stored, db):
        fields = {"handle": "nora", "email": "nora@example.org", "password": PASSWORD + "!", "time_zone": sent}
        assert Browser().post("/join", fields).status_code == 302
        assert User.objects.get(handle="nora").time_zone == stored

    def test_suspension_ends_in_the_time_zone_of_the_member(self, alice):
        User.objects.filter(pk=alice.pk).update(time_zone="Asia/Tokyo")
        until = datetime(2126, 11, 23, 16, 14, tzinfo=UTC)
        services.suspend(reload(alice), reason="x", until=until)
        assert "24 November 2126" in text_of(Browser(alice).get("/suspended"))

    @pytest.mark.parametrize("theme", ["light", "dark", "system"])
    def test_theme_is_in_the_first_byte_of_every_page(self, theme, alice):
        User.objects.filter(pk=alice.pk).update(settings={"theme": theme})
        for path in ("/", "/settings", "/@nobody"):
            assert f'data-theme="{theme}"' in Browser(alice).get(path).content.decode().split("<head>")[0], path


def test_account_that_does_not_want_to_be_found_has_no_preview(alice):
    post = PostFactory(author=alice, photos=1, caption="Low tide")
    paths = ["/@alice", f"/p/{post.pk}"]
    embed = {"url": f"{settings.PUBLIC_URL}/p/{post.pk}"}
    assert all("og:title" in Browser().get(path).content.decode() for path in paths)
    assert Browser().get("/oembed", embed).status_code == 200
    User.objects.filter(pk=alice.pk).update(settings={"discoverable": False})
    for path in paths:
        page = Browser().get(path).content.decode()
        assert '<meta name="robots" content="noindex">' in page
        assert "og:title" not in page
        assert "application/ld+json" not in page
    assert Browser().get("/oembed", embed).status_code == 404
