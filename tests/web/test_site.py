"""The pages with the name, colour, rules, documents and announcements of the site."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apps.accounts import passkeys
from apps.accounts import services as accounts
from apps.accounts.models import Consent
from apps.site import services as site
from apps.site.models import SiteSettings
from tests.site.test_documents import publish

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG not an image"


def page(browser, path="/"):
    response = browser.get(path)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def own(db):
    site.change_settings(name="Ebb", description="Photos of the coast.", about="We are a club.", accent="#6b2fbf")
    return site.set_logo(PNG)


def test_pages_use_the_settings_of_the_site(own, browse, alice):
    logo = f"/logo/{own.pk}.png"
    for browser in (browse(None), browse(alice)):
        shown = page(browser)
        assert "<title>Ebb</title>" in shown or "· Ebb</title>" in shown
        assert '<link rel="stylesheet" href="/accent-6b2fbf.css">' in shown
        assert f'<img class="logo" src="{logo}"' in shown
    assert "We are a club." in page(browse(None), "/about")
    assert f'<meta property="og:image" content="http://127.0.0.1:8000{logo}">' in page(browse(None), "/about")
    assert "Photos of the coast." in page(browse(None))
    assert "· Ebb</title>" in browse(None).get("/no-such-page").content.decode()
    assert "#6b2fbf" in page(browse(None), "/accent-6b2fbf.css")
    assert logo in page(browse(None), "/offline")
    assert '"title": "Ebb"' in page(browse(None), "/sw.js")
    manifest = browse(None).get("/manifest.webmanifest").json()
    assert (manifest["name"], manifest["description"]) == ("Ebb", "Photos of the coast.")
    assert [icon["src"] for icon in manifest["icons"]] == [logo, logo]
    response = browse(None).get(logo)
    assert (response.content, response.headers["Content-Type"]) == (PNG, "image/png")
    assert "immutable" in response.headers["Cache-Control"]


def test_former_logo_is_gone(own, browse):
    site.set_logo(None)
    assert browse(None).get(f"/logo/{own.pk}.png").status_code == 404
    assert "logo" not in page(browse(None), "/manifest.webmanifest")
    assert SiteSettings.objects.get().name == "Ebb"


def test_site_without_settings_has_the_default_colour(browse, db):
    assert "accent-" not in page(browse(None))


def test_mails_use_the_name_and_the_colour(own, alice, deliver, settings):
    settings.DEFAULT_FROM_EMAIL = "Photogram <noreply@photogram.example>"
    alice.email_verified_at = None
    alice.save()
    accounts.resend_confirmation(alice)
    deliver()
    [sent] = mail.outbox
    assert sent.from_email == "Ebb <noreply@photogram.example>"
    assert "Photogram" not in sent.body + sent.alternatives[0][0]
    assert sent.body.rstrip().endswith("Ebb")
    assert "background: #6b2fbf" in sent.alternatives[0][0]


def test_rules_page_shows_the_rules_of_the_site(browse, db):
    assert "No spam" in page(browse(None), "/rules")
    site.add_rule({"en": {"title": "Be <kind>", "text": "No insults."}})
    shown = page(browse(None), "/rules")
    assert "Be &lt;kind&gt;" in shown
    assert "No insults." in shown
    assert "No spam" not in shown


def test_document_pages_show_the_version_in_effect_and_others(browse, db):
    assert "By using Photogram" in page(browse(None), "/terms")
    publish(text="Be nice.")
    publish(text="Be nicer.")
    publish(text="Be the nicest.", days=3)
    shown = page(browse(None), "/terms")
    assert "Be nicer." in shown
    assert "Version 2, in effect from " in shown
    assert 'href="/terms?version=3"' in shown
    assert "Be nice." in page(browse(None), "/terms?version=1")
    assert "Be the nicest." in page(browse(None), "/terms?version=3")
    for number in ("4", "x", "²", "9" * 5000):
        assert browse(None).get(f"/terms?version={number}").status_code == 404


def test_member_is_asked_for_consent_on_every_page_until_given(browse, alice):
    banner = "Please read and accept"
    publish()
    publish("privacy")
    browser = browse(alice)
    assert banner in page(browser)
    assert banner not in page(browse(None))
    refused = browser.post("/consents", {"terms": "7"}, headers={"Referer": "http://testserver/explore"})
    assert refused.status_code == 409
    accepted = browser.post("/consents", {"terms": "1"}, headers={"Referer": "http://testserver/explore"})
    assert (accepted.status_code, accepted.headers["Location"]) == (302, "/explore")
    assert banner in page(browser)
    assert browser.htmx("post", "/consents", {"privacy": "1"}).status_code == 200
    assert banner not in page(browser)
    assert Consent.objects.filter(user=alice).count() == 2


def test_version_that_takes_effect_is_asked_for_at_the_next_page(browse, alice, time_machine):
    banner = "Please read and accept"
    publish()
    publish(text="Be nicer.", days=3)
    browser = browse(alice)
    assert browser.post("/consents", {"terms": "1"}).status_code == 302
    assert banner not in page(browser)
    assert browser.post("/consents", {"terms": "2"}).status_code == 409
    time_machine.move_to(timezone.now() + timedelta(days=3), tick=True)
    shown = page(browser)
    assert banner in shown
    assert '<input type="hidden" name="terms" value="2">' in shown
    # The form of a page that was opened before.
    assert browser.post("/consents", {"terms": "1"}).status_code == 409
    assert browser.post("/consents", {"terms": "2"}).status_code == 302
    assert banner not in page(browser)


def test_texts_of_the_site_are_in_the_language_of_the_member(browse, alice):
    alice.locale = "de"
    alice.save()
    site.save_announcement(
        None, texts={"en": {"text": "Offline."}, "de": {"text": "Kein Netz."}}, starts_at=None, ends_at=None
    )
    site.add_rule({"en": {"title": "Be kind"}, "de": {"title": "Sei nett"}})
    site.publish_document("terms", texts={"en": {"text": "Be nice."}, "de": {"text": "Seid nett."}})
    site.publish_document("privacy", texts={"en": {"text": "We store little."}})
    german, french = browse(alice), browse(None)
    french.cookies["language"] = "fr"
    for path, text, other in (
        ("/about", "Kein Netz.", "Offline."),
        ("/rules", "Sei nett", "Be kind"),
        ("/terms", "Seid nett.", "Be nice."),
        ("/privacy", "We store little.", "We store little."),
    ):
        assert text in page(german, path)
        assert other in page(french, path)


def test_passkeys_show_the_name_of_the_site(own, alice):
    assert passkeys.begin_registration(alice).options["rp"]["name"] == "Ebb"


def test_announcement_is_shown_until_the_browser_dismisses_it(browse, alice):
    first, second = (
        site.save_announcement(None, texts={"en": {"text": text}}, starts_at=None, ends_at=None)[0]
        for text in ("Offline on <Sunday>.", "New: albums.")
    )
    for browser in (browse(None), browse(alice)):
        assert "Offline on &lt;Sunday&gt;." in page(browser)
        response = browser.post(f"/announcements/{first.pk}/dismiss", headers={"Referer": "http://testserver/about"})
        assert (response.status_code, response.headers["Location"]) == (302, "/about")
        shown = page(browser)
        assert "Offline on" not in shown
        assert "New: albums." in shown
        assert browser.htmx("post", f"/announcements/{second.pk}/dismiss").status_code == 200
        assert "New: albums." not in page(browser)
    assert "Offline on" in page(browse(alice))


def test_cookie_of_dismissed_announcements_forgets_former_ones(browse, db):
    texts = {"en": {"text": "Offline."}}
    first, _ = site.save_announcement(None, texts=texts, starts_at=None, ends_at=None)
    browser = browse(None)
    browser.post(f"/announcements/{first.pk}/dismiss")
    site.save_announcement(first, texts=texts, starts_at=first.starts_at, ends_at=timezone.now() + timedelta(days=1))
    site.remove_announcement(first)
    second, _ = site.save_announcement(None, texts=texts, starts_at=None, ends_at=None)
    browser.post(f"/announcements/{second.pk}/dismiss")
    assert browser.cookies["dismissed-announcements"].value == second.pk.hex
