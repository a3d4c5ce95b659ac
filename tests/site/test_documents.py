"""Rules, versions of documents with the consents of members, and announcements: services and API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from apps.accounts import privacy
from apps.accounts.models import Consent, User
from apps.core.errors import Invalid
from apps.site import reads, services
from apps.site.models import Announcement, DocumentVersion
from apps.site.services import DocumentInEffect
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
KIND = {"en": {"title": "Be kind", "text": "No insults."}, "de": {"title": "Sei nett", "text": ""}}


@pytest.fixture(autouse=True)
def _languages(settings):
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]


def publish(kind="terms", text="Be nice.", days=None):
    """A version in effect since yesterday, unless `days` from now."""
    start = timezone.now() + timedelta(days=days) if days else None
    version = services.publish_document(kind, texts={"en": {"text": text}}, effective_at=start)
    if not days:
        DocumentVersion.objects.filter(pk=version.pk).update(effective_at=datetime(2026, 1, version.number, tzinfo=UTC))
        reads.clear()
    return version


def instance(anonymous, language):
    answer = anonymous.get("/instance", HTTP_ACCEPT_LANGUAGE=language)
    assert "accept-language" in answer.headers["Vary"].lower()
    return answer.json()


def days_from_now(days):
    return timezone.now() + timedelta(days=days)


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────
def test_rules_are_ordered_versioned_and_translated(anonymous):
    kind = services.add_rule(KIND).rule
    spam = services.add_rule({"en": {"title": "No spam"}}).rule
    services.change_rule(kind, texts=KIND | {"en": {"title": "Be very kind", "text": "No insults."}}, position=5)
    shown = anonymous.get("/instance").json()["rules"]
    assert [(rule["id"], rule["version"], rule["title"]) for rule in shown] == [
        (str(spam.pk), 1, "No spam"),
        (str(kind.pk), 2, "Be very kind"),
    ]
    german = instance(anonymous, "de")["rules"]
    assert [rule["title"] for rule in german] == ["No spam", "Sei nett"]
    with translation.override("de-at"):
        assert [reads.translate(rule.texts)["title"] for rule in reads.rules()] == ["No spam", "Sei nett"]
    assert services.withdraw_rule(kind)
    assert [rule.rule for rule in reads.rules()] == [spam]


def test_text_is_in_the_language_of_the_reader_or_of_the_site_or_in_any(settings):
    settings.SITE_LANGUAGE = "de"
    texts = {"en": "Be kind", "de": "Sei nett"}
    for language, text in {"en": "Be kind", "en-gb": "Be kind", "fr": "Sei nett"}.items():
        with translation.override(language):
            assert reads.translate(texts) == text
    assert reads.translate({"es": "Sé amable"}) == "Sé amable"
    with pytest.raises(Invalid):
        services.add_rule({"en": {"title": "Be kind"}})


def test_rules_at_one_position_are_in_the_order_of_their_creation(db):
    added = [services.add_rule({"en": {"title": title}}).rule for title in "abc"]
    assert [rule.position for rule in added] == [0, 1, 2]
    for rule in reversed(added):
        services.change_rule(rule, texts={"en": {"title": "x"}}, position=4)
    assert [version.rule for version in reads.rules()] == added


def test_rule_that_is_not_changed_keeps_its_version(db):
    rule = services.add_rule(KIND).rule
    assert services.change_rule(rule, texts=KIND, position=0) == {}
    assert reads.rules()[0].number == 1


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"de": {"title": "Sei nett"}},
        {"en": {"title": " ", "text": "No insults."}},
        {"en": {"title": "x" * 201}},
        {"en": {"title": "Be kind"}, "xx": {"title": "?"}},
        {"en": {"title": "Be kind"}, "de": {"text": "Ohne Titel"}},
    ],
)
def test_rule_without_a_text_in_the_sites_language_is_refused(texts):
    with pytest.raises(Invalid):
        services.add_rule(texts)


# ── Terms and privacy policy ─────────────────────────────────────────────────────────────────────────────
def test_document_is_in_effect_from_its_date(anonymous):
    first = publish()
    second = publish(days=3)
    assert reads.documents_in_effect()["terms"].number == first.number == 1
    assert reads.documents_in_effect(days_from_now(4))["terms"].number == second.number == 2
    assert reads.upcoming_document("terms") == second
    instance = anonymous.get("/instance").json()
    assert instance["terms"]["version"] == 1
    assert instance["terms"]["url"].endswith("/terms")
    assert instance["privacy"] is None


def test_upcoming_document_is_the_next_one(time_machine):
    now = datetime(2026, 3, 1, tzinfo=UTC)
    time_machine.move_to(now, tick=False)
    versions = [
        services.publish_document("terms", texts={"en": {"text": "x"}}, effective_at=now + timedelta(days=days))
        for days in (1, 2)
    ]
    assert reads.upcoming_document("terms") == versions[0]
    assert reads.upcoming_document("privacy") is None
    # In effect from the very moment on.
    time_machine.move_to(now + timedelta(days=1), tick=False)
    assert reads.documents_in_effect() == {"terms": versions[0]}
    assert reads.upcoming_document("terms") == versions[1]
    with pytest.raises(DocumentInEffect):
        services.withdraw_document(versions[0])
    assert (reads.document("terms", 2), reads.document("privacy", 2)) == (versions[1], None)


def test_document_in_effect_cannot_be_changed(db):
    first, second = publish(), publish(days=3)
    with pytest.raises(DocumentInEffect):
        services.change_document(first, texts={"en": {"text": "Other."}})
    with pytest.raises(DocumentInEffect):
        services.withdraw_document(first)
    with pytest.raises(Invalid):
        publish(days=2)
    with pytest.raises(Invalid):
        services.publish_document("privacy", texts={"en": {"text": "x"}}, effective_at=days_from_now(-1))
    assert services.change_document(second, texts={"en": {"text": "Other."}})
    services.withdraw_document(second)
    assert reads.upcoming_document("terms") is None


def test_signing_up_is_consent_to_the_versions_in_effect(anonymous, api):
    publish()
    publish("privacy")
    publish("privacy", days=3)
    body = {"handle": "nora", "email": "nora@example.org", "password": PASSWORD}
    assert anonymous.post("/users", body).json()["pending_consents"] == []
    nora = User.objects.get(handle="nora")
    given = api(nora).get("/users/me/consents").json()["documents"]
    assert [(each["document"], each["version"]) for each in given] == [("privacy", 1), ("terms", 1)]
    assert all(each["given_at"] for each in given)
    assert [row["version"] for kind, row in privacy.export(nora.pk) if kind == "consents"] == [1, 1]
    privacy.erase(nora.pk)
    assert not Consent.objects.exists()


def test_member_is_asked_for_consent_to_a_new_version(api, alice):
    caller = api(alice)
    assert caller.get("/auth/me").json()["pending_consents"] == []
    publish()
    assert caller.get("/auth/me").json()["pending_consents"] == ["terms"]
    for _ in range(2):
        documents = caller.post("/users/me/consents", {"terms": 1}).json()["documents"]
        assert [(each["document"], bool(each["given_at"])) for each in documents] == [("terms", True)]
    assert caller.get("/auth/me").json()["pending_consents"] == []
    publish(text="Be nicer.")
    assert caller.get("/auth/me").json()["pending_consents"] == ["terms"]
    assert caller.get("/users/me/consents").json()["documents"][0]["given_at"] is None
    assert Consent.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"terms": 1}, 409, "document_outdated"),
        ({"terms": 3}, 409, "document_outdated"),
        ({"privacy": 1}, 409, "document_outdated"),
        ({"terms": 0}, 400, "validation_error"),
        ({"terms": "2"}, 400, "validation_error"),
        ({"cookies": 1}, 400, "validation_error"),
    ],
)
def test_consent_to_another_version_is_refused(api, alice, body, status, code):
    publish()
    publish(text="Be nicer.")
    publish(days=3)
    answer = api(alice).post("/users/me/consents", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Consent.objects.exists()


# ── Announcements ────────────────────────────────────────────────────────────────────────────────────────
def test_announcement_is_shown_from_its_start_to_its_end(anonymous):
    texts = {"en": {"text": "Offline on Sunday."}}
    now, _ = services.save_announcement(None, texts=texts, starts_at=None, ends_at=days_from_now(1))
    services.save_announcement(None, texts=texts, starts_at=days_from_now(1), ends_at=None)
    Announcement.objects.create(texts=texts, starts_at=days_from_now(-2), ends_at=days_from_now(-1))
    shown = anonymous.get("/instance").json()["announcements"]
    assert [(each["id"], each["text"]) for each in shown] == [(str(now.pk), "Offline on Sunday.")]
    assert services.remove_announcement(now)
    assert reads.announcements() == []


def test_announcement_starts_and_ends_at_the_moment(anonymous, time_machine):
    now = datetime(2026, 3, 1, tzinfo=UTC)
    time_machine.move_to(now, tick=False)
    texts = {"en": {"text": "Offline."}, "de": {"text": "Offline am Sonntag."}}
    start, end = now + timedelta(seconds=1), now + timedelta(seconds=2)
    services.save_announcement(None, texts=texts, starts_at=start, ends_at=end)
    shown = []
    for moment in (now, start, end):
        time_machine.move_to(moment, tick=False)
        shown.append([each["text"] for each in instance(anonymous, "de")["announcements"]])
    assert shown == [[], ["Offline am Sonntag."], []]


def test_announcements_are_shown_oldest_start_first(db):
    texts = {"en": {"text": "x"}}
    second, first = (
        services.save_announcement(None, texts=texts, starts_at=days_from_now(-days), ends_at=None)[0]
        for days in (1, 2)
    )
    assert reads.announcements() == [first, second]


@pytest.mark.parametrize("days", [1, 2])
def test_announcement_that_does_not_end_after_its_start_is_refused(days, time_machine):
    time_machine.move_to(datetime(2026, 3, 1, tzinfo=UTC), tick=False)
    with pytest.raises(Invalid):
        services.save_announcement(
            None, texts={"en": {"text": "x"}}, starts_at=days_from_now(2), ends_at=days_from_now(days)
        )


# ── Caches ───────────────────────────────────────────────────────────────────────────────────────────────
def state():
    """What this process reads, from its caches."""
    return (
        [(version.pk, version.rule.position) for version in reads.rules()],
        [(kind, document.pk) for kind, document in reads.documents_in_effect().items()],
        [(document.pk, document.texts) for document in [reads.upcoming_document("privacy")] if document],
        [(each.pk, each.texts) for each in reads.announcements()],
    )


def test_every_change_is_read_at_once(db):
    texts, other = ({"en": {"title": text, "text": text}} for text in ("Text", "Other"))
    rule = services.add_rule(texts).rule
    upcoming = services.publish_document("privacy", texts=texts, effective_at=days_from_now(1))
    news, _ = services.save_announcement(None, texts=texts, starts_at=None, ends_at=None)
    changes = [
        lambda: services.add_rule(texts),
        lambda: services.change_rule(rule, texts=other, position=0),
        lambda: services.change_rule(rule, texts=other, position=9),
        lambda: services.withdraw_rule(rule),
        lambda: services.publish_document("terms", texts=texts),
        lambda: services.change_document(upcoming, texts=other),
        lambda: services.withdraw_document(upcoming),
        lambda: services.save_announcement(news, texts=other, starts_at=None, ends_at=None),
        lambda: services.remove_announcement(news),
    ]
    for change in changes:
        before = state()
        assert change() is not False
        assert state() != before
    assert services.withdraw_rule(rule) is False
