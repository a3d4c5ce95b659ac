"""Signing in, joining, and the links of mails, without JavaScript."""

import datetime as dt
import re

import pytest
from django.conf import settings as configured
from django.core import mail
from django.utils import timezone

from apps.accounts import mails, services
from apps.accounts.api import second_step
from apps.accounts.models import EmailedToken, Session, User
from apps.safety.models import BlockedTerm
from tests.console.codes import code_of, enrol
from tests.factories import PASSWORD
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
COOKIE = configured.WEB_SESSION_COOKIE
NEW = "quite another phrase"
SIGN_UP = {"handle": "dora", "email": "dora@example.org", "password": PASSWORD, "display_name": "Dora"}


def sign_in(browser, login="alice", password=PASSWORD, **fields):
    return browser.post("/login", {"login": login, "password": password, **fields})


def text_of(response):
    """The page without markup and repeated spaces."""
    body = re.sub(r"(?s)<(script|style|svg|title)\b.*?</\1>", "", response.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", body))


def errors_by_field(response):
    """{field: text} of the messages that are linked to invalid fields."""
    body = response.content.decode()
    invalid = [re.search(r'id="(\w+)"', tag)[1] for tag in re.findall(r'<[^>]*aria-invalid="true"[^>]*>', body)]
    for name in invalid:
        assert f'aria-describedby="{name}-error' in body
    return {
        name: re.sub(r"<[^>]+>", "", re.search(rf'id="{name}-error">(.*?)</div>', body)[1]).strip() for name in invalid
    }


# ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────
class TestSignIn:
    @pytest.mark.parametrize("login", ["alice", "@Alice", "ALICE@example.org"])
    def test_handle_or_address_signs_in(self, login, alice):
        browser = Browser()
        assert sign_in(browser, login).headers["Location"] == "/"
        assert browser.get("/settings").status_code == 200

    @pytest.mark.parametrize(
        ("to", "place"),
        [
            ("/settings/profile", "/settings/profile"),
            ("/search?q=a&b=c", "/search?q=a&b=c"),
            ("https://evil.example/", "/"),
            ("//evil.example/", "/"),
            ("/\\evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("web:home", "/"),
            ("x:y", "/"),
            ("x", "/"),
            ("/x:y", "/x:y"),
            ("", "/"),
        ],
    )
    def test_sign_in_leads_to_pages_of_this_site_only(self, to, place, alice):
        page = Browser().get("/login", {"next": to})
        assert page.context["form"]["next"] == place
        assert sign_in(Browser(), next=to).headers["Location"] == place

    def test_members_only_page_leads_to_sign_in_and_back(self, alice):
        browser = Browser()
        response = browser.get("/settings/sessions?a=b")
        assert response.headers["Location"] == "/login?next=%2Fsettings%2Fsessions%3Fa%3Db"
        page = browser.get(response.headers["Location"])
        assert sign_in(browser, next=page.context["form"]["next"]).headers["Location"] == "/settings/sessions?a=b"

    def test_signed_in_member_is_sent_on(self, alice):
        assert Browser(alice).get("/login?next=/explore").headers["Location"] == "/explore"
        assert Browser(alice).get("/join").headers["Location"] == "/"

    @pytest.mark.parametrize(
        ("login", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("a\0b", "x\0"), ("", "")]
    )
    def test_wrong_login_and_wrong_password_give_the_same_message(self, login, password, alice):
        response = sign_in(Browser(), login, password)
        assert response.status_code == 401
        assert "Login or password is wrong." in text_of(response)
        assert response.context["form"]["login"] == login
        assert COOKIE not in response.cookies

    def test_focus_moves_to_the_message_above_a_refused_form(self, alice):
        page = sign_in(Browser(), password="wrong").text
        assert '<div class="form-errors" role="alert" tabindex="-1" autofocus>' in page
        # It is the first element with the focus, before the fields.
        assert page.index("form-errors") == page.index("autofocus") - len('form-errors" role="alert" tabindex="-1" ')
        assert "autofocus" in page[page.index("<form") :]

    def test_password_is_never_sent_back(self, alice):
        assert "hunter2 hunter2" not in sign_in(Browser(), password="hunter2 hunter2").content.decode()

    def test_second_sign_in_of_a_browser_ends_the_first_session(self, alice, bob):
        browser = Browser(alice)
        sign_in(browser, "bob")
        assert Session.objects.get(user=alice, kind="web").end_reason == "signed_out"
        assert browser.get("/").context["member"]["handle"] == "bob"

    def test_csrf_token_changes_with_sign_in(self, alice):
        browser = Browser()
        before = browser.get("/login").cookies["csrftoken"].value
        assert sign_in(browser).cookies["csrftoken"].value != before

    @pytest.mark.parametrize(("until", "text"), [(None, "has no end"), (dt.timedelta(days=3), "suspended until")])
    def test_suspended_account_learns_reason_and_end_only_with_the_password(self, until, text, alice):
        services.suspend(alice, reason="Spam in <b>comments</b>.", until=until and timezone.now() + until)
        assert "suspended" not in text_of(sign_in(Browser(), password="wrong"))
        browser = Browser()
        assert sign_in(browser).headers["Location"] == "/suspended"
        response = browser.get("/suspended")
        assert "Reason: Spam in &lt;b&gt;comments&lt;/b&gt;." in text_of(response)
        assert text in text_of(response)

    def test_sign_in_keeps_an_account_that_is_pending_deletion(self, alice):
        services.leave(alice, password=PASSWORD)
        browser = Browser()
        sign_in(browser)
        assert "Your account will not be deleted." in text_of(browser.get("/"))
        assert User.objects.get(pk=alice.pk).state == "active"

    def test_limit_of_attempts_is_a_page_with_retry_after(self, alice, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"sign_in_account": (2, 300)}
        answers = [sign_in(Browser(), password="wrong") for _ in range(3)]
        assert [each.status_code for each in answers] == [401, 401, 429]
        assert 0 < int(answers[2].headers["Retry-After"]) <= 300
        assert "Too many attempts. Try again in" in text_of(answers[2])

    def test_limit_of_an_address_is_a_page_with_retry_after(self, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": (1, 60)}
        responses = [Browser().get("/login") for _ in range(2)]
        assert responses[1].status_code == 429
        assert responses[1].headers["Content-Type"].startswith("text/html")
        assert int(responses[1].headers["Retry-After"]) > 0


class TestSecondFactor:
    def code_page(self, browser, handle="mod"):
        response = sign_in(browser, handle, next="/explore")
        assert response.status_code == 200
        assert COOKIE not in response.cookies
        return response.context["form"]

    def test_moderator_is_asked_for_the_code_and_moderates(self, mod):
        device, _ = enrol(mod)
        browser = Browser()
        form = self.code_page(browser)
        assert not Session.objects.filter(kind="web").exists()
        response = browser.post("/login", {**form, "code": code_of(device)})
        assert response.headers["Location"] == "/explore"
        assert Session.objects.get(kind="web").two_factor
        assert browser.get("/settings").context["member"]["is_moderator"]

    def test_recovery_code_works_once(self, mod):
        _, codes = enrol(mod)
        for status in (302, 400):
            browser = Browser()
            response = browser.post("/login", {**self.code_page(browser), "code": codes[0]})
            assert response.status_code == status
        assert errors_by_field(response) == {"code": "That code is wrong, has expired, or was used before."}

    @pytest.mark.parametrize("code", ["", "000000", "nonsense", "\0"])
    def test_wrong_code_asks_again_and_opens_nothing(self, code, mod):
        enrol(mod)
        browser = Browser()
        response = browser.post("/login", {**self.code_page(browser), "code": code})
        assert response.status_code == 400
        assert response.context["form"]["next"] == "/explore"
        assert COOKIE not in response.cookies
        assert not Session.objects.filter(kind="web").exists()

    def test_wrong_codes_are_limited(self, mod, settings):
        enrol(mod)
        browser = Browser()
        form = self.code_page(browser)
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"two_factor": (1, 900)}
        responses = [browser.post("/login", {**form, "code": "000000"}) for _ in range(2)]
        assert [each.status_code for each in responses] == [400, 429]
        assert "Retry-After" in responses[1].headers

    @pytest.mark.parametrize("change", ["forged", "late", "password", "erased"])
    def test_worthless_proof_leads_back_to_the_first_step(self, change, mod, monkeypatch):
        device, _ = enrol(mod)
        browser = Browser()
        form = self.code_page(browser)
        if change == "forged":
            form["proof"] = form["proof"][:-1] + ("a" if form["proof"][-1] != "a" else "b")
        elif change == "late":
            monkeypatch.setattr(second_step, "SECONDS", -1)
        elif change == "password":
            mod.set_password(NEW)
            mod.save()
        else:
            services.erase_now(mod)
        response = browser.post("/login", {**form, "code": code_of(device)})
        assert response.headers["Location"] == "/login?next=%2Fexplore"
        assert "That took too long." in text_of(browser.get("/login"))
        assert not Session.objects.filter(kind="web").exists()

    def test_suspension_between_the_steps_is_shown(self, mod):
        device, _ = enrol(mod)
        browser = Browser()
        form = self.code_page(browser)
        services.suspend(mod, reason="Misuse.")
        response = browser.post("/login", {**form, "code": code_of(device)}, follow=True)
        assert response.redirect_chain == [("/suspended", 302)]
        assert "Misuse." in text_of(response)

    def test_moderator_without_a_second_factor_gets_no_session_when_it_is_required(self, mod, settings):
        settings.STAFF_TWO_FACTOR = "required"
        browser = Browser()
        response = sign_in(browser, "mod")
        assert response.status_code == 403
        assert "Set up in the console" in text_of(response)
        assert not Session.objects.exists()


class TestSignOut:
    def test_get_asks_first(self, alice):
        browser = Browser(alice)
        assert "Sign out" in text_of(browser.get("/logout"))
        assert browser.get("/settings").status_code == 200
        response = browser.post("/logout")
        assert response.headers["Location"] == "/"
        assert browser.get("/settings").status_code == 302

    def test_anonymous_browser_is_sent_to_the_start(self):
        assert Browser().get("/logout").headers["Location"] == "/"
        assert Browser().post("/logout").headers["Location"] == "/"


# ── Joining ──────────────────────────────────────────────────────────────────────────────────────────────
class TestJoin:
    def test_new_member_is_signed_in_and_asked_to_confirm(self, deliver):
        browser = Browser()
        response = browser.post("/join", SIGN_UP)
        assert response.headers["Location"] == "/"
        page = browser.get("/")
        assert page.context["member"]["handle"] == "dora"
        assert "We have sent a mail to dora@example.org." in text_of(page)
        deliver()
        assert "/confirm-email?token=" in mail.outbox[-1].body
        assert Session.objects.get().kind == "web"

    def test_rules_of_handle_and_password_are_stated(self):
        page = text_of(Browser().get("/join"))
        assert "3 to 30 letters" in page
        assert "at least 8 characters" in page

    @pytest.mark.parametrize(
        ("changes", "status", "fields"),
        [
            ({"handle": ""}, 400, ["handle"]),
            ({"handle": "a b"}, 400, ["handle"]),
            ({"handle": "admin"}, 400, ["handle"]),
            ({"handle": "alice"}, 409, ["handle"]),
            ({"email": "nonsense"}, 400, ["email"]),
            ({"email": "alice@example.org"}, 409, ["email"]),
            ({"password": "short"}, 400, ["password"]),
            ({"password": "password1"}, 400, ["password"]),
            ({"display_name": "x" * 51}, 400, ["display_name"]),
            ({"display_name": "blockedword"}, 422, ["display_name"]),
            ({"handle": "", "email": "", "password": ""}, 400, ["handle", "email", "password"]),
            ({"handle": "a\0b", "email": "a\0@example.org"}, 400, ["handle", "email"]),
        ],
        ids=str,
    )
    def test_refusal_is_next_to_the_fields_and_keeps_what_was_typed(self, changes, status, fields, alice):
        BlockedTerm.objects.create(kind="word", text="blockedword", comparable="blockedword", effect="refuse")
        response = Browser().post("/join", SIGN_UP | changes)
        assert response.status_code == status
        assert errors_by_field(response).keys() == set(fields)
        assert all(errors_by_field(response).values())
        typed = SIGN_UP | changes
        kept = {name: typed[name] for name in ("handle", "email", "display_name")} | {"next": ""}
        assert response.context["form"].items() >= kept.items()
        assert f'value="{PASSWORD}"' not in response.content.decode()
        assert response.content.decode().count("autofocus") >= 1
        assert "<title>Error:" in response.content.decode()
        assert COOKIE not in response.cookies

    def test_fields_that_are_missing_are_refused_by_name(self):
        assert errors_by_field(Browser().post("/join", {})).keys() == {"handle", "email", "password"}

    def test_sign_ups_are_limited_as_in_the_api(self, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"sign_up": (1, 3600)}
        assert Browser().get("/join").status_code == 200
        assert Browser().post("/join", SIGN_UP).status_code == 302
        response = Browser().post("/join", SIGN_UP | {"handle": "emil", "email": "emil@example.org"})
        assert response.status_code == 429
        assert "Retry-After" in response.headers
        assert not User.objects.filter(handle="emil").exists()


# ── The links of mails ───────────────────────────────────────────────────────────────────────────────────
def link_in_mail():
    return re.search(r"/[a-z-]+\?token=[\w-]+", mail.outbox[-1].body)[0]


def token_of(link):
    return link.partition("=")[2]


class TestConfirmEmail:
    @pytest.fixture
    def link(self, alice):
        mails.send_confirmation(alice.pk, reference="1")
        return link_in_mail()

    def test_get_does_not_redeem_and_post_does(self, link, alice):
        browser = Browser()
        for _ in range(2):
            assert "Confirm the address" in text_of(browser.get(link))
        assert EmailedToken.objects.get().used_at is None
        response = browser.post("/confirm-email", {"token": token_of(link)})
        assert response.headers["Location"] == "/"
        assert "Your e-mail address is confirmed." in text_of(browser.get("/"))
        assert User.objects.get(pk=alice.pk).email_verified_at

    def test_used_link_succeeds_again(self, link):
        for _ in range(2):
            assert Browser().post("/confirm-email", {"token": token_of(link)}).status_code == 302

    @pytest.mark.parametrize("token", ["", "x", "\0", "x" * 5000, "<script>"], ids=lambda token: repr(token[:8]))
    def test_worthless_link_offers_a_new_mail(self, token, alice):
        for browser, offer in ((Browser(), "Sign in to get a new mail."), (Browser(alice), "Send a new mail")):
            response = browser.post("/confirm-email", {"token": token})
            assert response.status_code == 400
            assert "This link has expired or was used before." in text_of(response)
            assert offer in text_of(response)

    def test_address_without_a_token_is_no_form(self):
        assert Browser().get("/confirm-email").status_code == 400

    def test_notice_sends_the_mail_again_until_the_address_is_confirmed(self, alice, deliver):
        browser = Browser(alice)
        assert "Please confirm your address" in text_of(browser.get("/settings"))
        response = browser.post("/confirm-email/resend", headers={"Referer": "http://testserver/settings"})
        assert response.headers["Location"] == "/settings"
        assert "We have sent a mail to alice@example.org." in text_of(browser.get("/settings"))
        deliver()
        browser.post("/confirm-email", {"token": token_of(link_in_mail())})
        assert "Please confirm your address" not in text_of(browser.get("/settings"))

    def test_mails_are_limited(self, alice, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"mail_account": (1, 3600)}
        browser = Browser(alice)
        statuses = [browser.post("/confirm-email/resend").status_code for _ in range(2)]
        assert statuses == [302, 429]

    def test_unknown_tokens_are_limited(self, alice, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"token": (1, 300)}
        assert [Browser().post("/confirm-email", {"token": "x"}).status_code for _ in range(2)] == [400, 429]


class TestPasswordReset:
    @pytest.fixture
    def link(self, alice):
        mails.send_reset(alice.email, reference="1")
        return link_in_mail()

    @pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
    def test_page_does_not_reveal_whether_there_is_an_account(self, email, alice, deliver):
        browser = Browser()
        response = browser.post("/forgot", {"email": email})
        assert response.headers["Location"] == "/forgot?sent"
        page = browser.get("/forgot?sent")
        assert "If there is an account with this address" in text_of(page)
        assert email not in page.content.decode()
        deliver()
        assert len(mail.outbox) == (email == "alice@example.org")

    def test_link_sets_the_password_once_and_ends_all_sessions(self, link, alice):
        signed_in = Browser(alice)
        browser = Browser()
        assert "at least 8 characters" in text_of(browser.get(link))
        assert EmailedToken.objects.get().used_at is None
        response = browser.post("/reset-password", {"token": token_of(link), "new_password": NEW})
        assert response.headers["Location"] == "/login"
        assert "Your password is changed." in text_of(browser.get("/login"))
        assert signed_in.get("/settings").status_code == 302
        assert sign_in(browser, password=NEW).status_code == 302
        for used in (
            browser.get(link),
            browser.post("/reset-password", {"token": token_of(link), "new_password": NEW}),
        ):
            assert used.status_code == 400
            assert "This link has expired or was used before." in text_of(used)

    def test_bad_password_keeps_the_link(self, link):
        response = Browser().post("/reset-password", {"token": token_of(link), "new_password": "alice"})
        assert response.status_code == 400
        assert errors_by_field(response).keys() == {"new_password"}
        assert response.context["form"]["token"] == token_of(link)
        assert EmailedToken.objects.get().used_at is None

    @pytest.mark.parametrize("token", ["", "x", "\0", "x" * 5000], ids=lambda token: repr(token[:8]))
    def test_worthless_link_leads_to_a_new_one(self, token, alice):
        response = Browser().get("/reset-password", {"token": token})
        assert response.status_code == 400
        assert 'href="/forgot"' in response.content.decode()

    def test_confirmation_link_does_not_reset(self, alice):
        mails.send_confirmation(alice.pk, reference="1")
        assert Browser().get(f"/reset-password?token={token_of(link_in_mail())}").status_code == 400

    @pytest.mark.parametrize("email", ["", "x" * 300])
    def test_malformed_address_is_refused(self, email):
        response = Browser().post("/forgot", {"email": email})
        assert errors_by_field(response).keys() == {"email"}

    def test_mails_are_limited(self, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"mail_account": (1, 3600)}
        statuses = [Browser().post("/forgot", {"email": "Alice@example.org "}).status_code for _ in range(2)]
        assert statuses == [302, 429]


def test_password_managers_find_the_page(alice):
    response = Browser(alice).get("/.well-known/change-password")
    assert (response.status_code, response.headers["Location"]) == (302, "/settings/security")


def test_link_of_the_export_mail_leads_to_the_page(alice):
    assert Browser(alice).get("/export").headers["Location"] == "/settings/export"


def test_erased_account_cannot_sign_in(alice):
    services.erase_now(alice)
    assert sign_in(Browser()).status_code == 401
