"""The language of errors, mails, push messages, statements and pages."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.utils import timezone, translation

from apps.accounts import mails
from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.core.languages import closest_language, use_language
from apps.moderation import services as moderation
from apps.moderation.appeals import statements
from apps.moderation.cases import policies
from apps.moderation.models import ReasonTemplate
from apps.notifications import email, wording
from apps.notifications.models import Notification, NotificationEvent
from apps.notifications.sync import create_moderation_notification
from apps.web.templatetags.web import ago
from tests.factories import PASSWORD, CommentFactory, PostFactory
from tests.moderation.people import BECAUSE, suspended, taken_down
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
LANGUAGES = [code for code, _ in settings.LANGUAGES]
NOT_FOUND = {"en": "Not found.", "de": "Nicht gefunden.", "fr": "Introuvable.", "es": "No se ha encontrado."}


def speaks(user, locale):
    User.objects.filter(pk=user.pk).update(locale=locale, email_verified_at=timezone.now())
    user.refresh_from_db()
    return user


# ── Errors of the API ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("xx,fr;q=0.4", "fr"),
        ("es-419", "es"),
        ("xx", "en"),
        ("*", "en"),
        (", ;q=", "en"),
        ("de" * 1000, "en"),
    ],
)
def test_errors_are_in_the_accepted_language(accepted, language, anonymous):
    answer = anonymous.get("/nothing", HTTP_ACCEPT_LANGUAGE=accepted)
    problem = answer.json()
    assert (problem["code"], problem["title"], problem["detail"]) == ("not_found", *[NOT_FOUND[language]] * 2)
    assert answer.headers["Content-Language"] == language
    assert "accept-language" in answer.headers["Vary"].lower()


@pytest.mark.parametrize(
    ("language", "detail", "messages"),
    [
        ("en", "2 fields are invalid.", ["Enter a valid email address.", "This field is required."]),
        ("de", "2 Felder sind ungültig.", ["Gib eine gültige E-Mail Adresse an.", "Dieses Feld ist zwingend"]),
        ("fr", "2 champs ne sont pas valides.", ["Saisissez une adresse e-mail valide.", "Ce champ est obligatoire."]),
        ("es", "2 campos no son válidos.", ["dirección de correo electrónico válida.", "Este campo es requerido."]),
    ],
)
def test_messages_of_fields_are_in_the_accepted_language(language, detail, messages, anonymous):
    body = {"handle": "nora", "email": "nowhere"}
    problem = anonymous.post("/users", body, HTTP_ACCEPT_LANGUAGE=language).json()
    assert problem["detail"] == detail
    assert [error["code"] for error in problem["errors"]] == ["invalid", "required"]
    for error, message in zip(problem["errors"], messages, strict=True):
        assert message in error["message"]


def test_errors_of_passwords_and_of_unknown_fields_are_translated(anonymous):
    body = {"handle": "nora", "email": "nora@example.org", "password": "short"}
    problem = anonymous.post("/users", body, HTTP_ACCEPT_LANGUAGE="fr").json()
    assert "mot de passe" in problem["errors"][0]["message"]
    problem = anonymous.post("/users", {**body, "age": 3}, HTTP_ACCEPT_LANGUAGE="es").json()
    assert problem["errors"] == [{"field": "age", "code": "unknown_field", "message": "Campo desconocido."}]


@pytest.mark.parametrize(
    ("accepted", "cookie", "language"),
    [
        ("", "", "de"),
        ("xx", "", "de"),
        ("*", "", "de"),
        ("en", "", "en"),
        ("xx,es;q=0.1", "", "es"),
        ("en", "fr", "fr"),
        ("EN", "FR", "fr"),
        ("en", "xx", "en"),
        ("", "x" * 5000, "de"),
    ],
)
def test_readers_without_a_preference_get_the_language_of_the_site(accepted, cookie, language, anonymous, settings):
    settings.SITE_LANGUAGE = "de"
    anonymous.cookies["language"] = cookie
    assert anonymous.get("/nothing", HTTP_ACCEPT_LANGUAGE=accepted).json()["title"] == NOT_FOUND[language]


def test_language_of_the_site_is_that_of_accounts_and_of_unknown_locales(settings, client):
    settings.SITE_LANGUAGE = "de"
    assert closest_language("pt") == "de"
    assert accounts.sign_up(handle="nora", email="nora@example.org", password=PASSWORD).locale == "de"
    assert 'lang="en' in client.get("/admin/login/").content.decode()


def test_language_of_a_request_ends_with_it(anonymous):
    anonymous.get("/nothing", HTTP_ACCEPT_LANGUAGE="de")
    assert translation.get_language() == "en"
    assert anonymous.get("/nothing").json()["title"] == "Not found."


def test_console_and_schema_stay_english(client):
    page = client.get("/admin/login/", headers={"Accept-Language": "de"})
    assert 'lang="en' in page.content.decode()
    schema = client.get("/v1/schema", headers={"Accept-Language": "de"}).content.decode()
    assert "Not found." in schema
    assert NOT_FOUND["de"] not in schema


# ── Members ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("locale", "language"), [("de", "de"), ("de-CH", "de"), ("FR-CA", "fr"), ("tlh-XX", "en"), ("", "en"), ("pt", "en")]
)
def test_locale_of_a_member_becomes_a_language_of_the_site(locale, language):
    assert closest_language(locale) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_sign_up_keeps_the_language_for_mails(language, anonymous):
    body = {"handle": "nora", "email": "nora@example.org", "password": PASSWORD + "!"}
    assert anonymous.post("/users", body, HTTP_ACCEPT_LANGUAGE=language).json()["locale"] == language
    Browser().post("/join", {**body, "handle": "nino", "email": "nino@example.org"}, headers={"Accept-Language": "fr"})
    assert User.objects.get(handle="nino").locale == "fr"


SUBJECTS = {
    "en": ["Confirm your e-mail address", "Set a new password", "Your archive is ready", "@bob likes your photo."],
    "de": ["Bestätige deine E-Mail-Adresse", "Neues Passwort festlegen", "Dein Archiv ist fertig", "@bob gefällt"],
    "fr": ["Confirmez votre adresse e-mail", "Choisir un nouveau mot", "Votre archive est prête", "@bob aime votre"],
    "es": ["Confirma tu dirección", "Elegir una contraseña nueva", "Tu archivo está listo", "A @bob le gusta tu foto."],
}
HOURS = {"en": "72 hours", "de": "72 Stunden", "fr": "72 heures", "es": "72 horas"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_mails_are_in_the_language_of_the_member(language, alice, bob, deliver_like):
    User.objects.filter(pk=alice.pk).update(locale=language, email_verified_at=None)
    # The worker's own language does not matter.
    with translation.override("es" if language != "es" else "de"):
        mails.send_confirmation(alice.pk, reference="1")
        speaks(alice, language)
        mails.send_reset(alice.email, reference="2")
        mails.send_export_ready(alice.pk, reference="3")
        deliver_like()
    for message, subject in zip(mail.outbox, SUBJECTS[language], strict=True):
        assert message.subject.startswith(subject)
        assert f'<html lang="{language}">' in message.alternatives[0][0]
    assert HOURS[language] in mail.outbox[0].body


@pytest.fixture
def deliver_like(alice, bob):
    """Mails alice that bob likes her photo."""

    def deliver():
        note = Notification.objects.create(recipient=alice, type="like", post=PostFactory(author=alice))
        email.send(NotificationEvent.objects.create(notification=note, recipient=alice, actor=bob, cause=note.pk))

    return deliver


def test_push_line_is_in_the_language_of_the_recipient(alice, bob):
    note = Notification(recipient=alice, type="comment")
    event = NotificationEvent(notification=note, recipient=alice, actor=bob)
    lines = {}
    for alice.locale in (*LANGUAGES, "de-AT", "xx"):
        lines[alice.locale] = wording.get_line(event)
    assert lines["de"] == lines["de-AT"] == "@bob hat dein Foto kommentiert."
    assert lines["fr"] == "@bob a commenté votre photo."
    assert lines["en"] == lines["xx"] == "@bob has commented on your photo."


# ── Statements of reasons ────────────────────────────────────────────────────────────────────────────────
STATEMENTS = {
    "en": ["Your post was taken down", "our rules, which do not allow spam", "Reason given: Sells watches."],
    "de": ["Dein Beitrag wurde entfernt", "unseren Regeln, die keinen Spam erlauben", "Begründung: Sells watches."],
    "fr": ["Votre publication a été retirée", "qui interdisent le spam", "Motif indiqué\u00a0: Sells watches."],
    "es": ["Se ha retirado tu publicación", "que no permiten el spam", "Motivo indicado: Sells watches."],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_statement_of_reasons_is_in_the_language_of_the_member(language, alice, mod, api):
    action = taken_down(PostFactory(author=speaks(alice, language), caption="Low tide"), mod)
    mail.outbox.clear()
    statements.send(action.pk)
    create_moderation_notification(action.pk)
    subject, ground, reason = STATEMENTS[language]
    letter = mail.outbox[0]
    assert letter.subject == subject
    assert ground in letter.body
    assert reason in letter.body
    assert f'<html lang="{language}">' in letter.alternatives[0][0]
    assert Notification.objects.get(recipient=alice, type="moderation").statement.startswith(subject)
    path = f"/moderation/actions/{action.pk}/statement"
    answer = api(alice).get(path, HTTP_ACCEPT_LANGUAGE=language)
    assert answer.json()["subject"] == subject
    assert "accept-language" in answer.headers["Vary"].lower()
    assert subject in Browser(alice).get(f"/appeal?action={action.pk}").content.decode()


def test_statement_has_the_dates_of_the_language(alice, mod):
    until = datetime(2126, 3, 1, 16, 14, tzinfo=UTC)
    action = suspended(alice, mod, until=until)
    dates = {"de": "bis 1. März 2126 16:14 UTC", "fr": "jusqu’au 1 mars 2126 16:14 UTC", "en": "1 March 2126, 16:14"}
    for language, date in dates.items():
        with use_language(language):
            assert date in statements.compose(action).paragraphs[0]


def test_one_mail_about_several_takedowns_is_translated(alice, mod):
    speaks(alice, "de")
    action = taken_down(PostFactory(author=alice), mod)
    moderation.take_down_comment(CommentFactory(author=alice), by=mod, **BECAUSE)
    mail.outbox.clear()
    statements.send(action.pk)
    letter = mail.outbox[0]
    assert letter.subject == "2 deiner Beiträge und Kommentare wurden entfernt"
    assert "Dein Beitrag vom" in letter.body
    assert "Dein Kommentar vom" in letter.body


def test_standard_reasons_are_translated_and_others_kept(alice, mod, reason_templates):
    assert set(ReasonTemplate.objects.values_list("text", flat=True)) == policies.STANDARD_REASONS
    reason = "It shows nudity or sexual acts, which our rules do not allow."
    action = moderation.take_down_post(PostFactory(author=alice), by=mod, reason=reason, category="nudity")
    with use_language("de"):
        assert "Es zeigt Nacktheit oder sexuelle Handlungen" in statements.compose(action).paragraphs[1]
        assert policies.localize_reason("Not found.") == "Not found."


def test_standard_reasons_are_rewritten_unless_the_operator_has_changed_them(db, reason_templates):
    migration = import_module("apps.moderation.migrations.0022_plain_reasons")
    assert migration.TEXTS.keys() == policies.FORMER_REASONS
    assert set(migration.TEXTS.values()) <= policies.STANDARD_REASONS
    own = ReasonTemplate.objects.create(action="dismiss", title="Ours", text="We disagree.")
    migration.restore(apps, None)
    texts = set(ReasonTemplate.objects.values_list("text", flat=True))
    assert texts >= policies.FORMER_REASONS
    assert not texts & set(migration.TEXTS.values())
    migration.rewrite(apps, None)
    texts = set(ReasonTemplate.objects.values_list("text", flat=True))
    assert texts == policies.STANDARD_REASONS | {own.text}


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_former_standard_reasons_are_still_translated(language):
    with use_language(language):
        for reason in policies.FORMER_REASONS:
            assert policies.localize_reason(reason) != reason


@pytest.mark.parametrize(
    ("language", "sign_in", "former"),
    [
        ("en", "You can sign in only to read this decision, to appeal", "cannot sign in"),
        ("de", "Du kannst dich nur noch anmelden, um diese Entscheidung zu lesen", "Du kannst dich nicht anmelden"),
        ("fr", "Vous pouvez seulement vous connecter pour lire cette décision", "ne pouvez pas vous connecter"),
        ("es", "Solo puedes iniciar sesión para leer esta decisión", "no puedes iniciar sesión"),
    ],
)
@pytest.mark.parametrize("until", [None, timedelta(days=7)])
def test_suspended_member_reads_what_signing_in_is_still_for(alice, mod, language, sign_in, former, until):
    speaks(alice, language)
    action = suspended(alice, mod, until=until and timezone.now() + until)
    mail.outbox.clear()
    statements.send(action.pk)
    [letter] = mail.outbox
    with use_language(language):
        paragraph = statements.compose(action).paragraphs[0]
    for text in (letter.body, letter.alternatives[0][0], paragraph):
        assert sign_in in " ".join(text.split())
        assert former not in text


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────
def test_visitor_chooses_a_language():
    visitor = Browser(HTTP_ACCEPT_LANGUAGE="fr")
    assert '<html lang="fr"' in visitor.get("/join").content.decode()
    answer = visitor.post("/language", {"language": "de", "next": "/join"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/join")
    page = visitor.get("/join")
    assert '<html lang="de"' in page.content.decode()
    assert page.headers["Content-Language"] == "de"
    assert "Registrieren" in page.content.decode()
    for language in ("xx", "", "../de"):
        visitor.post("/language", {"language": language, "next": "/join"})
        assert '<html lang="de"' in visitor.get("/join").content.decode()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", ""])
def test_choice_of_a_language_leads_to_no_other_site(elsewhere):
    answer = Browser().post("/language", {"language": "de", "next": elsewhere})
    assert answer.headers["Location"] == "/"


def test_choice_of_a_language_needs_the_token_of_the_form():
    assert Browser(enforce_csrf_checks=True).post("/language", {"language": "de"}).status_code == 403


def test_pages_of_a_member_are_in_their_language_whatever_the_browser_prefers(alice):
    member = Browser(speaks(alice, "es"))
    member.cookies["language"] = "fr"
    for path in ("/", "/nothing", "/@nobody"):
        page = member.get(path, headers={"Accept-Language": "de"})
        assert '<html lang="es"' in page.content.decode(), path
    assert "No se ha encontrado." in page.content.decode()
    assert 'action="/language"' not in member.get("/about").content.decode()


def test_message_after_a_change_of_language_is_in_the_new_one(alice):
    page = Browser(alice).post("/settings/account", {"locale": "de"}, follow=True).content.decode()
    assert '<html lang="de"' in page
    assert "Gespeichert." in page


def test_plurals_and_dates_use_the_language(alice, bob):
    viewer = Browser(speaks(alice, "de"))
    for number, text in ((1, "<b>1</b> Beitrag"), (2, "<b>2</b> Beiträge")):
        User.objects.filter(pk=bob.pk).update(post_count=number)
        assert text in viewer.get("/@bob").content.decode()
    with use_language("de"):
        assert "3\xa0Stunden" in ago(timezone.now() - timedelta(hours=3))
        assert "1. März 2020" in ago(datetime(2020, 3, 1, tzinfo=UTC))
