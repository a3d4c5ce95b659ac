"""The pages of the settings, without JavaScript."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts import exports, services
from apps.accounts.models import DataExport, Session, User
from apps.accounts.services import open_session
from apps.notifications import preferences
from apps.safety.models import BlockedTerm
from apps.social.models import Block, FollowRequest, Mute
from apps.web.views.settings import SECTIONS
from tests.factories import PASSWORD, BlockFactory, MuteFactory, UserFactory
from tests.web.conftest import Browser
from tests.web.test_account import errors_by_field, text_of

pytestmark = pytest.mark.django_db
NEW = "quite another phrase"
PAGES = [f"/settings/{section.name}" for section in SECTIONS] + ["/settings/blocked", "/settings/muted"]


@pytest.fixture
def browser(alice):
    return Browser(alice)


def reload(user):
    return User.objects.get(pk=user.pk)


def saved(browser, path, fields):
    """Post a form that succeeds. Returns the page that follows."""
    response = browser.post(path, fields)
    assert response.status_code == 302, text_of(response)
    return browser.get(response.headers["Location"])


@pytest.mark.parametrize("path", ["/settings", *PAGES])
def test_page_is_for_members_only(path, browser):
    page = browser.get(path)
    assert page.status_code == 200
    assert len(re.findall("<h1", page.content.decode())) == 1
    anonymous = Browser().get(path)
    assert anonymous.headers["Location"].startswith("/login?next=%2Fsettings")


def test_overview_links_every_section(browser):
    body = browser.get("/settings").content.decode()
    assert all(f'href="/settings/{section.name}"' in body for section in SECTIONS)


def test_every_section_marks_itself_in_the_list(browser):
    for section in SECTIONS:
        body = browser.get(section.url).content.decode()
        assert f'href="{section.url}" aria-current="page"' in body


class TestProfile:
    def test_fields_are_shown_and_saved(self, browser, alice):
        fields = {"display_name": "Alice L.", "bio": "Rabbits\r\nand tea.", "website": "https://alice.example.org/"}
        page = saved(browser, "/settings/profile", fields)
        assert "Saved." in text_of(page)
        assert page.context["form"] == fields | {"bio": "Rabbits\nand tea."}
        assert reload(alice).bio == "Rabbits\nand tea."

    @pytest.mark.parametrize(
        ("field", "text", "status"),
        [
            ("display_name", "x" * 51, 400),
            ("display_name", "a\u202eb", 400),
            ("bio", "x" * 301, 400),
            ("bio", "a\0b", 400),
            ("bio", "blockedword", 422),
            ("website", "javascript:alert(1)", 400),
            ("website", "https://user@example.org", 400),
        ],
    )
    def test_refusal_is_next_to_the_field_and_keeps_the_text(self, field, text, status, browser, alice):
        BlockedTerm.objects.create(kind="word", text="blockedword", comparable="blockedword", effect="refuse")
        response = browser.post("/settings/profile", {"display_name": "A", "bio": "B", "website": "", field: text})
        assert response.status_code == status
        assert errors_by_field(response).keys() == {field}
        assert response.context["form"][field] == text
        assert reload(alice).bio == ""

    def test_page_links_to_the_avatar(self, browser):
        assert 'href="/settings/profile/avatar"' in browser.get("/settings/profile").content.decode()


class TestAccount:
    def test_address_and_its_state_are_shown(self, browser, alice):
        page = text_of(browser.get("/settings/account"))
        assert "alice@example.org not confirmed" in page
        assert "Send the mail again" in page
        User.objects.filter(pk=alice.pk).update(email_verified_at=timezone.now())
        page = text_of(browser.get("/settings/account"))
        assert "alice@example.org confirmed" in page
        assert "Send the mail again" not in page

    def test_language_is_saved(self, browser, alice):
        saved(browser, "/settings/account", {"locale": "en"})
        assert reload(alice).locale == "en"

    def test_pages_are_in_the_language_of_the_member_or_the_browser(self, browser, alice, settings):
        settings.LANGUAGES = [("en", "English"), ("ar", "Arabic"), ("de", "German")]
        saved(browser, "/settings/account", {"locale": "ar"})
        assert '<html lang="ar" dir="rtl"' in browser.get("/settings").content.decode()
        for accepted, language in (("de-AT,en;q=0.5", "de"), ("xx", "en"), ("", "en")):
            page = Browser().get("/join", headers={"Accept-Language": accepted})
            assert f'<html lang="{language}"' in page.content.decode()
            assert "Accept-Language" in page.headers["Vary"]

    def test_language_of_another_client_is_kept_in_the_list(self, browser, alice):
        User.objects.filter(pk=alice.pk).update(locale="tlh-XX")
        assert '<option value="tlh-XX" lang="tlh-XX" selected>' in browser.get("/settings/account").content.decode()

    @pytest.mark.parametrize("locale", ["", "nonsense!", "\0"])
    def test_malformed_language_is_refused(self, locale, browser):
        assert errors_by_field(browser.post("/settings/account", {"locale": locale})).keys() == {"locale"}


class TestSecurity:
    def test_password_changes_and_other_devices_are_signed_out(self, browser, alice):
        other = Browser(alice)
        fields = {"current_password": PASSWORD, "new_password": NEW}
        assert "All other devices are signed out." in text_of(saved(browser, "/settings/security", fields))
        assert reload(alice).check_password(NEW)
        assert other.get("/settings").status_code == 302

    @pytest.mark.parametrize(
        ("current", "new", "status", "fields"),
        [
            ("wrong", NEW, 403, {"current_password"}),
            (PASSWORD, "short", 400, {"new_password"}),
            (PASSWORD, "alice@example.org", 400, {"new_password"}),
            ("", "", 400, {"current_password", "new_password"}),
        ],
    )
    def test_refusal_is_next_to_the_field(self, current, new, status, fields, browser, alice):
        response = browser.post("/settings/security", {"current_password": current, "new_password": new})
        assert response.status_code == status
        assert errors_by_field(response).keys() == fields
        assert f'value="{PASSWORD}"' not in response.content.decode()
        assert reload(alice).check_password(PASSWORD)

    def test_attempts_are_limited(self, browser, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"password": (1, 900)}
        fields = {"current_password": "wrong", "new_password": NEW}
        responses = [browser.post("/settings/security", fields) for _ in range(2)]
        assert [each.status_code for each in responses] == [403, 429]
        assert "Try again in" in text_of(responses[1])


class TestSessions:
    @pytest.fixture
    def devices(self, browser, alice):
        """A phone with the API, and a session of the console."""
        phone = open_session(alice, device_name="Alice's phone", address="192.0.2.17", user_agent="Photogram/3")
        alice.is_staff = True
        alice.save()
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
        console = services.open_console_session(alice, address=None, user_agent=agent, two_factor=False)
        return phone, console

    def test_devices_are_listed_with_their_kind_and_the_current_one_is_marked(self, browser, devices):
        page = browser.get("/settings/sessions")
        shown = [(each["name"], each["kind"], each["current"]) for each in page.context["sessions"].items]
        assert shown == [
            ("Firefox on Windows", "console", False),
            ("Alice's phone", "api", False),
            ("Unknown device", "web", True),
        ]
        assert "192.0.2.17" in text_of(page)
        assert text_of(page).count("this browser") == 1

    def test_one_device_is_signed_out(self, browser, devices):
        phone, _ = devices
        page = saved(browser, f"/settings/sessions/{phone.pk}/end", {})
        assert "The device is signed out." in text_of(page)
        ended = {session.pk for session in Session.objects.exclude(ended_at=None)}
        assert ended == {phone.pk}

    def test_all_other_devices_are_signed_out(self, browser, devices):
        saved(browser, "/settings/sessions/end-others", {})
        assert [each.kind for each in Session.objects.filter(ended_at=None)] == ["web"]

    def test_foreign_and_unknown_sessions_are_not_found(self, browser, bob, devices):
        foreign = open_session(bob)
        for pk in (foreign.pk, bob.pk):
            assert browser.post(f"/settings/sessions/{pk}/end").status_code == 404
        assert Session.objects.get(pk=foreign.pk).ended_at is None

    def test_long_list_has_pages(self, browser, alice):
        for number in range(31):
            open_session(alice, device_name=f"Device {number}")
        first = browser.get("/settings/sessions")
        assert len(first.context["sessions"].items) == 30
        rest = browser.get(first.context["sessions"].next_url)
        assert [each["name"] for each in rest.context["sessions"].items] == ["Device 0", "Unknown device"]
        part = browser.htmx("get", first.context["sessions"].next_url)
        assert part.content.decode().lstrip().startswith('<li class="row">')


class TestNotifications:
    def test_channels_are_shown_and_saved(self, browser, alice):
        body = browser.get("/settings/notifications").content.decode()
        assert '<input type="checkbox" name="like.in_app" checked>' in body
        assert '<input type="checkbox" name="like.email">' in body
        assert '<input type="checkbox" name="moderation.in_app" checked disabled>' in body
        saved(browser, "/settings/notifications", {"like.push": "on", "comment.in_app": "on", "moderation.email": "on"})
        stored = preferences.get_channels(alice.pk)
        assert stored["like"] == preferences.Channels(in_app=False, push=True, email=False)
        assert stored["comment"] == preferences.Channels(in_app=True, push=False, email=False)
        assert stored["moderation"] == preferences.Channels(in_app=True, push=False, email=True)
        assert stored["follow"] == preferences.Channels(in_app=False, push=False, email=False)

    def test_every_type_and_channel_has_a_checkbox(self, browser):
        names = set(re.findall(r'name="(\w+\.\w+)"', browser.get("/settings/notifications").content.decode()))
        assert names == {f"{type_}.{name}" for type_ in preferences.DEFAULTS for name in ("in_app", "push", "email")}


class TestPrivacy:
    def test_switches_are_saved(self, browser, alice):
        saved(browser, "/settings/privacy", {"is_private": "on"})
        changed = reload(alice)
        assert (changed.is_private, changed.settings) == (True, {"discoverable": False})
        page = saved(browser, "/settings/privacy", {"discoverable": "on"})
        changed = reload(alice)
        assert (changed.is_private, changed.settings) == (False, {"discoverable": True})
        assert page.context["form"] == {"is_private": False, "discoverable": True}

    def test_public_account_accepts_its_requests(self, browser, alice, carol, deliver):
        User.objects.filter(pk=alice.pk).update(is_private=True)
        FollowRequest.objects.create(requester=carol, target=alice)
        saved(browser, "/settings/privacy", {"discoverable": "on"})
        deliver()
        assert not FollowRequest.objects.exists()

    @pytest.mark.parametrize(
        ("kind", "factory", "actor", "other", "model"),
        [("blocked", BlockFactory, "blocker", "blocked", Block), ("muted", MuteFactory, "muter", "muted", Mute)],
    )
    def test_people_are_listed_and_released(self, kind, factory, actor, other, model, browser, alice, carol):
        assert "nobody" in text_of(browser.get(f"/settings/{kind}"))
        factory(**{actor: alice, other: carol})
        factory(**{actor: carol, other: UserFactory(handle="dora")})
        page = text_of(browser.get(f"/settings/{kind}"))
        assert "@carol" in page
        assert "@dora" not in page
        action = re.search(r'action="(/@carol/\w+)"', browser.get(f"/settings/{kind}").content.decode())[1]
        assert browser.post(action, headers={"Referer": f"http://testserver/settings/{kind}"}).status_code == 302
        assert "@carol" not in text_of(browser.get(f"/settings/{kind}")).partition("You un")[2].partition(".")[2]
        assert not model.objects.filter(**{actor: alice}).exists()
        assert model.objects.count() == 1


class TestAppearance:
    def test_settings_are_saved_and_the_theme_applies(self, browser, alice):
        assert browser.get("/settings/appearance").context["form"] == {
            "theme": "system",
            "show_sensitive": False,
            "keyboard_shortcuts": True,
        }
        page = saved(browser, "/settings/appearance", {"theme": "dark", "show_sensitive": "on"})
        assert 'data-theme="dark"' in page.content.decode()
        assert reload(alice).settings == {"theme": "dark", "show_sensitive": True, "keyboard_shortcuts": False}

    @pytest.mark.parametrize("theme", ["", "sepia", '"><script>'])
    def test_unknown_theme_is_refused(self, theme, browser, alice):
        response = browser.post("/settings/appearance", {"theme": theme})
        assert response.status_code == 400
        assert reload(alice).settings == {}


class TestExport:
    def test_export_is_requested_with_the_password(self, browser, alice):
        page = saved(browser, "/settings/export", {"password": PASSWORD})
        assert "We are making your archive." in text_of(page)
        assert 'name="password"' not in page.content.decode()
        assert DataExport.objects.get().status == "pending"

    def test_ready_export_has_a_link(self, browser, alice):
        now = timezone.now()
        export = DataExport.objects.create(
            user=alice, status="ready", secret="s3cret", finished_at=now, expires_at=now + timedelta(hours=24)
        )
        page = browser.get("/settings/export")
        assert page.context["export"]["url"] == exports.link(export)
        assert 'name="password"' not in page.content.decode()

    @pytest.mark.parametrize("status", ["expired", "failed"])
    def test_ended_export_can_be_requested_again(self, status, browser, alice):
        DataExport.objects.create(user=alice, status=status, created_at=timezone.now() - timedelta(days=2))
        assert 'name="password"' in browser.get("/settings/export").content.decode()

    def test_refusals(self, browser, alice):
        wrong = browser.post("/settings/export", {"password": "wrong"})
        assert wrong.status_code == 403
        assert errors_by_field(wrong) == {"password": "The current password is wrong."}
        saved(browser, "/settings/export", {"password": PASSWORD})
        again = browser.post("/settings/export", {"password": PASSWORD})
        assert again.status_code == 409
        assert "Your archive is being made." in text_of(again)

    def test_export_of_another_member_is_not_shown(self, browser, bob):
        DataExport.objects.create(user=bob, status="failed")
        assert browser.get("/settings/export").context["export"] is None


class TestDelete:
    def test_account_is_hidden_and_the_browser_signed_out(self, browser, alice):
        response = browser.post("/settings/delete", {"password": PASSWORD})
        assert response.headers["Location"] == "/"
        page = browser.get("/")
        assert page.context["member"] is None
        assert "will be deleted on" in text_of(page)
        assert reload(alice).state == "leaving"
        assert Browser().get("/@alice").status_code == 404

    def test_grace_period_is_explained(self, browser, settings):
        settings.ERASURE_GRACE = timedelta(days=21)
        assert "after 21 days" in text_of(browser.get("/settings/delete"))

    @pytest.mark.parametrize("password", ["", "wrong"])
    def test_wrong_password_deletes_nothing(self, password, browser, alice):
        response = browser.post("/settings/delete", {"password": password})
        assert errors_by_field(response).keys() == {"password"}
        assert reload(alice).state == "active"


def test_password_forms_share_the_limit_of_the_api(browser, settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"password": (2, 900)}
    statuses = [
        browser.post(f"/settings/{page}", {"password": "wrong"}).status_code for page in ("export", "delete", "delete")
    ]
    assert statuses == [403, 403, 429]
