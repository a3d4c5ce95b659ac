"""The console pages of the site: only admins change it, and each change is recorded."""

import io
from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from apps.accounts import two_factor
from apps.accounts.models import User
from apps.core.errors import Invalid, NotFound
from apps.moderation import site
from apps.moderation.models import StaffAct
from apps.moderation.permissions import AdminRequired
from apps.site import reads, services
from apps.site.logos import make_logo
from apps.site.models import Announcement, DocumentVersion, Rule, SiteSettings
from tests.conftest import Caller
from tests.factories import PASSWORD
from tests.moderation.people import make_moderator
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def picture(width=64, height=64, kind="PNG", mode="RGBA"):
    made = io.BytesIO()
    Image.new(mode, (width, height), "red").save(made, kind)
    return made.getvalue()


@pytest.fixture
def admin(db):
    return make_moderator("operator", "admin")


@pytest.fixture
def browser(admin):
    client = Client()
    assert client.login(username="operator", password=PASSWORD)
    return client


def send(browser, model, page, data, *args):
    """The form of a page, with a reason. Returns the messages of a refusal."""
    path = reverse(f"admin:site_{model}_{page}", args=args)
    response = browser.post(path, {"reason": "Because."} | opened(browser, path) | data)
    assert response.status_code in {302, 400}, response.content
    form = response.context and response.context["form"]
    return {name: list(errors) for name, errors in form.errors.items()} if form else {}


def opened(browser, path):
    """The hidden field of a page that changes something: the state that it shows."""
    form = browser.get(path).context["form"]
    return {"opened": form["opened"].value()} if "opened" in form.fields else {}


def act(browser, model, action, row):
    data = {"action": action, "_selected_action": [str(row.pk)], "index": 0, "reason": "Because."}
    assert browser.post(reverse(f"admin:site_{model}_changelist"), data).status_code == 302


def settings_form(**changes):
    own = reads.current()
    return {
        "name": "",
        "description": "",
        "about": "",
        "contact": "",
        "accent": own.accent,
        "registration": own.registration,
        "minimum_age": "",
        "invitations_per_member": own.invitations_per_member,
        "confirmed_address_required": "",
    } | changes


def acts():
    return [row.act for row in StaffAct.objects.order_by("id")]


def test_settings_are_changed_and_recorded_with_the_old_and_new_values(browser):
    page = browser.get(reverse("admin:site_sitesettings_change_settings"))
    assert page.status_code == 200
    logo = SimpleUploadedFile("logo.png", picture())
    form = settings_form(name="Ebb", registration="invite", logo=logo)
    assert send(browser, "sitesettings", "change_settings", form) == {}
    own = reads.current()
    assert (own.name, own.registration) == ("Ebb", "invite")
    with Image.open(io.BytesIO(reads.logo_image(own.logo_id))) as made:
        assert (made.format, made.size, made.mode) == ("PNG", (512, 512), "RGBA")
    assert acts() == ["change_site_settings", "set_logo"]
    recorded = StaffAct.objects.get(act="change_site_settings")
    assert recorded.detail == {"name": ["", "Ebb"], "registration": ["open", "invite"]}
    assert recorded.reason == "Because."
    form = settings_form(name="Ebb", registration="invite", remove_logo="on")
    assert send(browser, "sitesettings", "change_settings", form) == {}
    assert reads.current().logo_id is None
    assert acts()[2:] == ["remove_logo"]


def test_console_authenticator_apps_and_passkeys_show_the_name_of_the_site(browser, admin):
    site.change_settings(by=admin, name="Ebb: Flow")
    assert "Start | Ebb: Flow" in " ".join(browser.get("/admin/").text.split())
    assert "Ebb: Flow" in Client().get(reverse("admin:login")).text
    assert two_factor.begin(admin).config_url.startswith("otpauth://totp/Ebb%20Flow%3Aoperator?")
    caller = Caller(admin)
    assert caller.post("/users/me/second-factors/passkeys/options").json()["options"]["rp"]["name"] == "Ebb: Flow"


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"accent": "#ffcc00"}, "accent", "The contrast with the background is 1.4:1, but text needs at least 4.5:1."),
        ({"accent": "red"}, "accent", "# and six"),
        ({"minimum_age": "0"}, "minimum_age", "greater than or equal to 1"),
        ({"reason": ""}, "reason", "required"),
    ],
)
def test_settings_that_are_not_valid_are_refused_with_a_message(browser, changes, field, message):
    refused = send(browser, "sitesettings", "change_settings", settings_form(**changes))
    assert [field] == list(refused)
    assert message in refused[field][0]
    assert not SiteSettings.objects.exists()
    assert acts() == []


@pytest.mark.parametrize(
    ("uploaded", "code"),
    [
        (b"<svg/>", "invalid"),
        (b"", "invalid"),
        (picture(kind="JPEG", mode="RGB"), "invalid"),
        (picture()[:40], "invalid"),
        (picture(64, 32), "not_square"),
        (picture(2049, 2049, mode="1"), "not_square"),
        (b"\x89PNG" + bytes(200_000), "too_large"),
    ],
)
def test_logo_that_is_no_small_square_png_is_refused(uploaded, code):
    with pytest.raises(Invalid) as refused:
        make_logo(uploaded)
    assert refused.value.extra["errors"][0]["code"] == code


def test_rules_are_added_changed_and_withdrawn(browser):
    assert send(browser, "rule", "new", {"title_en": "Be kind", "text_en": "No insults."}) == {}
    rule = Rule.objects.get()
    form = {"title_en": "Be very kind", "text_en": "No insults.", "position": "3"}
    assert browser.get(reverse("admin:site_rule_change_rule", args=[rule.pk])).status_code == 200
    assert send(browser, "rule", "change_rule", form, rule.pk) == {}
    [version] = reads.rules()
    assert (version.number, version.rule.position, version.texts["en"]["title"]) == (2, 3, "Be very kind")
    assert list(send(browser, "rule", "new", {"text_en": "No title."})) == ["__all__"]
    act(browser, "rule", "withdraw", rule)
    assert reads.rules() == []
    assert acts() == ["add_rule", "change_rule", "withdraw_rule"]


def test_documents_are_published_changed_and_withdrawn(browser):
    upcoming = {"kind": "terms", "text_en": "Be nice.", "effective_at": "2099-01-01T12:00"}
    assert send(browser, "documentversion", "new", upcoming) == {}
    version = DocumentVersion.objects.get()
    assert (version.number, version.effective_at.isoformat()) == (1, "2099-01-01T12:00:00+00:00")
    assert browser.get(reverse("admin:site_documentversion_change_document", args=[version.pk])).status_code == 200
    assert send(browser, "documentversion", "change_document", {"text_en": "Be nicer."}, version.pk) == {}
    act(browser, "documentversion", "withdraw", version)
    assert send(browser, "documentversion", "new", {"kind": "terms", "text_en": "Be nice."}) == {}
    version = reads.documents_in_effect()["terms"]
    assert list(send(browser, "documentversion", "change_document", {"text_en": "Other."}, version.pk)) == ["__all__"]
    act(browser, "documentversion", "withdraw", version)
    assert DocumentVersion.objects.get().texts == {"en": {"text": "Be nice.", "changes": ""}}
    assert acts() == ["publish_document", "change_document", "withdraw_document", "publish_document"]


def test_announcements_are_added_changed_and_removed(browser):
    assert send(browser, "announcement", "new", {"text_en": "Offline on Sunday."}) == {}
    [shown] = reads.announcements()
    assert browser.get(reverse("admin:site_announcement_change_announcement", args=[shown.pk])).status_code == 200
    form = {"text_en": "Offline.", "starts_at": f"{shown.starts_at:%Y-%m-%dT%H:%M}", "ends_at": "2099-01-01T12:00"}
    assert send(browser, "announcement", "change_announcement", form, shown.pk) == {}
    changed = Announcement.objects.get()
    assert (changed.texts["en"]["text"], changed.starts_at) == ("Offline.", shown.starts_at)
    act(browser, "announcement", "remove", shown)
    assert not Announcement.objects.exists()
    assert acts() == ["add_announcement", "change_announcement", "remove_announcement"]


@pytest.fixture
def pages(db):
    """{model: (arguments of the page, what another admin does, form, what it would change)}"""
    rule = services.add_rule({"en": {"title": "Be kind"}}).rule
    terms = services.publish_document(
        "terms", texts={"en": {"text": "1"}}, effective_at=datetime(2099, 1, 1, tzinfo=UTC)
    )
    news, _ = services.save_announcement(None, texts={"en": {"text": "1"}}, starts_at=None, ends_at=None)
    times = {"starts_at": news.starts_at, "ends_at": None}
    return {
        "sitesettings": ([], lambda: services.change_settings(name="Ebb"), settings_form(registration="closed")),
        "rule": (
            [rule.pk],
            lambda: services.change_rule(rule, texts={"en": {"title": "Be fair"}}, position=0),
            {"title_en": "Be kind", "position": "7"},
        ),
        "documentversion": (
            [terms.pk],
            lambda: services.change_document(terms, texts={"en": {"text": "2"}}),
            {"text_en": "3"},
        ),
        "announcement": (
            [news.pk],
            lambda: services.save_announcement(news, texts={"en": {"text": "2"}}, **times),
            {"text_en": "3"},
        ),
    }


PAGES = {
    "sitesettings": "change_settings",
    "rule": "change_rule",
    "documentversion": "change_document",
    "announcement": "change_announcement",
}


@pytest.mark.parametrize("model", PAGES)
def test_page_does_not_overwrite_what_another_admin_has_changed_meanwhile(browser, pages, model):
    arguments, change, form = pages[model]
    path = reverse(f"admin:site_{model}_{PAGES[model]}", args=arguments)
    form = form | opened(browser, path) | {"reason": "Because."}
    change()
    refused = browser.post(path, form)
    assert refused.status_code == 400
    assert "Another admin has changed this" in refused.content.decode()
    assert acts() == []
    accepted = browser.post(path, form | opened(browser, path))
    assert accepted.status_code == 302
    assert len(acts()) == 1


def test_removed_announcement_stays_removed(browser):
    news, _ = services.save_announcement(None, texts={"en": {"text": "1"}}, starts_at=None, ends_at=None)
    path = reverse("admin:site_announcement_change_announcement", args=[news.pk])
    form = opened(browser, path) | {"text_en": "2", "reason": "Because."}
    assert services.remove_announcement(news)
    assert browser.post(path, form).status_code == 404
    with pytest.raises(NotFound):
        services.save_announcement(news, texts={"en": {"text": "2"}}, starts_at=None, ends_at=None)
    assert not Announcement.objects.exists()
    assert site.remove_announcement(news, by=User.objects.get(handle="operator"), reason="x") is False
    assert acts() == []


@pytest.mark.parametrize(("sent", "stored"), [("", None), ("True", True), ("False", False)])
def test_confirmed_address_is_a_choice_of_three(browser, sent, stored):
    form = settings_form(name="Ebb", confirmed_address_required=sent)
    assert send(browser, "sitesettings", "change_settings", form) == {}
    assert SiteSettings.objects.get().confirmed_address_required is stored


def test_settings_and_logo_are_saved_together_or_not_at_all(browser):
    form = settings_form(name="Ebb", logo=SimpleUploadedFile("logo.png", picture(64, 32)))
    assert list(send(browser, "sitesettings", "change_settings", form)) == ["logo"]
    assert not SiteSettings.objects.exists()
    assert acts() == []


@pytest.mark.django_db(transaction=True)
def test_one_of_two_admins_who_save_the_settings_at_once_is_refused(admin):
    path = reverse("admin:site_sitesettings_change_settings")

    def save():
        client = Client()
        assert client.login(username="operator", password=PASSWORD)
        return client.post(path, forms.pop()).status_code

    first = Client()
    assert first.login(username="operator", password=PASSWORD)
    forms = [settings_form(name=name, reason="x") | opened(first, path) for name in ("Ebb", "Flow")]
    assert sorted(in_threads(2, save)) == [302, 400]
    assert acts() == ["change_site_settings"]


@pytest.mark.parametrize("rank", ["moderator", "senior_moderator"])
def test_only_admins_change_the_site(rank, admin):
    by = make_moderator("other", rank)
    rule = site.add_rule(texts={"en": {"title": "Be kind"}}, by=admin, reason="x").rule
    changes = [
        lambda: site.change_settings(name="Ebb", by=by),
        lambda: site.set_logo(None, by=by),
        lambda: site.add_rule(texts={"en": {"title": "No"}}, by=by, reason="x"),
        lambda: site.withdraw_rule(rule, by=by, reason="x"),
        lambda: site.publish_document(kind="terms", texts={}, effective_at=None, by=by, reason="x"),
        lambda: site.save_announcement(None, texts={}, starts_at=None, ends_at=None, by=by, reason="x"),
    ]
    for change in changes:
        with pytest.raises(AdminRequired):
            change()
    client = Client()
    assert client.login(username="other", password=PASSWORD)
    for model in ("sitesettings", "rule", "documentversion", "announcement"):
        assert client.get(reverse(f"admin:site_{model}_changelist")).status_code == 403
    assert client.post(reverse("admin:site_sitesettings_change_settings"), settings_form()).status_code == 403
    assert acts() == ["add_rule"]
