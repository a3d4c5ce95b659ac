"""An operator closes registration and invites two people. Wanda adds a passkey and changes her e-mail address; Karl
reports a post in German, and receives the outcome in German.

The pages come from Django's live server. The test runs the enqueued tasks, and reads every mail.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.accounts import invitations
from apps.accounts.models import Invitation, User
from apps.content.models import Post
from tests.console.browser.conftest import Console, console  # noqa: F401  (a fixture)
from tests.factories import PASSWORD, PostFactory, UserFactory
from tests.moderation.people import make_moderator
from tests.moderation.queue.helpers import case_of
from tests.web.browser.conftest import Site, chromium, site  # noqa: F401  (fixtures)
from tests.web.browser.test_security import sign_out, virtual_authenticator

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WANDA, KARL, ALICE = "wanda@example.org", "karl@example.org", "alice@example.org"
NEW_ADDRESS = "wanda@new.example"
OUTCOME, GROUND = "Wir haben aufgrund deiner Meldung gehandelt.", "Unsere Regeln erlauben keinen Spam."


class Mails:
    """The mails that were sent and not read yet."""

    def __init__(self, deliver: Callable[[], Any]) -> None:
        self._deliver = deliver

    def read(self, address: str, subject: str, *sentences: str) -> str:
        """Read the mail with this subject, which contains these sentences. Returns its text on a single line."""
        self._deliver()
        found = [each for each in mail.outbox if (each.to, each.subject) == ([address], subject)]
        assert len(found) == 1, self.unread()
        mail.outbox.remove(found[0])
        text = " ".join(str(found[0].body).split())
        for sentence in sentences:
            assert sentence in text
        return text

    def unread(self) -> list[tuple[str, str]]:
        """(address, subject) of each mail."""
        self._deliver()
        return [(each.to[0], str(each.subject)) for each in mail.outbox]


def link_in(text: str) -> str:
    """The path of the link with a token."""
    found = re.search(r"/[a-z-]+\?token=[\w-]+", text)
    assert found
    return found[0]


@pytest.fixture
def mails(deliver: Callable[[], Any]) -> Mails:
    return Mails(deliver)


@pytest.fixture(autouse=True)
def _passkeys_of_the_live_server(settings: Any, live_server: Any) -> None:
    settings.PASSKEY_DOMAIN = "localhost"
    settings.PASSKEY_ORIGINS = [live_server.url]


# ── The operator, in the console ─────────────────────────────────────────────────────────────────────────
def set_registration(window: Page, mode: str) -> None:
    window.goto(reverse("admin:site_sitesettings_changelist"))
    window.get_by_role("link", name="Change", exact=True).click()
    window.get_by_label("Registration", exact=True).select_option(mode)
    window.get_by_label("Reason", exact=True).fill("The site is for friends.")
    window.get_by_role("button", name="Save", exact=True).click()
    expect(window.get_by_text("Saved. It takes effect within seconds.")).to_be_visible()


def invite(window: Page, *, people: int) -> str:
    """Returns the code, which the list shows."""
    window.goto(reverse("admin:accounts_invitation_changelist"))
    window.get_by_role("link", name="New", exact=True).click()
    window.get_by_label("People", exact=True).fill(str(people))
    window.get_by_label("Reason", exact=True).fill("Friends of the site.")
    window.get_by_role("button", name="Save", exact=True).click()
    expect(window.get_by_text("The invitation is created.")).to_be_visible()
    code: str = Invitation.objects.latest("id").code
    expect(window.get_by_role("link", name=code)).to_be_visible()
    return code


def check_that_site_is_closed(site: Site, code: str) -> None:  # noqa: F811
    """Nobody can join without an invitation, or with that of a member, which has a place left."""
    site.expected.append("404")
    visitor = site.open()
    visitor.goto("/join")
    expect(visitor.get_by_text("This site does not accept new members at present.")).to_be_visible()
    expect(visitor.locator("[name=handle]")).to_have_count(0)
    visitor.goto(f"/invite/{code}")
    expect(visitor.get_by_role("heading", name="This invitation is not valid")).to_be_visible()


def take_down(window: Page, post: Post) -> None:
    """A moderator decides on the reported post at the desk."""
    window.goto(case_of(post))
    expect(window.get_by_role("heading", name="1 open report")).to_be_visible()
    window.locator("a[data-key=t]").click()
    window.get_by_label("Reason", exact=True).fill("It sells watches.")
    window.get_by_label("Category", exact=True).select_option("spam")
    window.get_by_role("button", name="Preview").click()
    window.get_by_role("button", name="Confirm").click()
    expect(window.get_by_text("1 report closed")).to_be_visible()


# ── Members, on the pages ────────────────────────────────────────────────────────────────────────────────
def join(page: Page, code: str, handle: str, *, accept: str, button: str, sent: str) -> None:
    """Join with an invitation. `accept`, `button` and `sent` are texts of the pages: a link, a button, a message."""
    page.goto(f"/invite/{code}")
    page.get_by_role("link", name=accept).click()
    expect(page.locator("[name=invitation]")).to_have_value(code)
    for name, value in {"email": f"{handle}@example.org", "handle": handle, "display_name": handle.title()}.items():
        page.locator(f"[name={name}]").fill(value)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_text(sent)).to_be_visible()


def confirm(page: Page, link: str, *, button: str, done: str) -> None:
    """Open the link of a mail and press the button, which confirms the address."""
    page.goto(link)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_text(done)).to_be_visible()


def add_passkey(page: Page) -> None:
    page.goto("/settings/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Phone")
    page.get_by_role("button", name="Create the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have saved the codes").click()
    expect(page.get_by_role("link", name="Change Phone")).to_be_visible()


def change_address(page: Page) -> None:
    page.goto("/settings/account")
    page.get_by_label("New e-mail address").fill(NEW_ADDRESS)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Change the address").click()
    expect(page.get_by_text("Your address changes when you open the link in it.")).to_be_visible()


def sign_in_with_passkey(page: Page) -> None:
    page.goto("/login?next=/settings/account")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("main").get_by_text(NEW_ADDRESS)).to_be_visible()
    expect(page.get_by_text("confirmed", exact=True)).to_be_visible()


def report_in_german(page: Page, post: Post) -> None:
    page.goto(f"/p/{post.pk}")
    page.locator(".post .menu summary").click()
    page.get_by_role("link", name="Melden", exact=True).click()
    expect(page.get_by_role("heading", name="Beitrag melden")).to_be_visible()
    page.get_by_label("Spam", exact=True).check()
    page.get_by_role("button", name="Meldung senden").click()
    expect(page.get_by_role("heading", name="Danke")).to_be_visible()


def read_outcome_in_german(page: Page) -> None:
    """From the notification to the report."""
    page.goto("/notifications")
    expect(page.get_by_role("heading", name="Aktivität")).to_be_visible()
    notice = page.locator(".notice", has_text="Deine Meldung wurde geprüft")
    notice.get_by_role("link", name="Es gibt Neues zu deiner Meldung.").click()
    expect(page.get_by_role("heading", name="Meldung eines Beitrags")).to_be_visible()
    expect(page.get_by_text("Maßnahme ergriffen", exact=True)).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(f"{OUTCOME} {GROUND}")


# ── The journey ──────────────────────────────────────────────────────────────────────────────────────────
def test_invited_members_and_a_report_in_german(site: Site, console: Console, mails: Mails) -> None:  # noqa: F811
    post = PostFactory(author=UserFactory(handle="alice"), caption="Watches, 90 % off")
    operator = console.open(make_moderator("root", "admin"))
    of_alice = invitations.invite(post.author_id).code
    set_registration(operator, "closed")
    check_that_site_is_closed(site, of_alice)
    wandas, karls = invite(operator, people=1), invite(operator, people=1)

    wanda = site.open()
    join(wanda, wandas, "wanda", accept="Accept the invitation", button="Join", sent="Welcome! We have sent a mail to")
    karl = site.open(touch=True, locale="de-DE")
    join(karl, karls, "karl", accept="Einladung annehmen", button="Registrieren", sent=f"eine Mail an {KARL} gesendet")

    sent = mails.read(WANDA, "Confirm your e-mail address", "Please confirm that this is your e-mail address:")
    confirm(wanda, link_in(sent), button="Confirm the address", done="Your e-mail address is confirmed.")
    with virtual_authenticator(wanda):
        add_passkey(wanda)
        mails.read(WANDA, "A passkey was added", "It can be used to sign in. Phone", "If this was not you")
        change_address(wanda)
        mails.read(WANDA, "Your e-mail address is about to change", "We have sent a link to the new address.")
        sent = mails.read(NEW_ADDRESS, "Confirm your new e-mail address", "You want to use this address")
        confirm(wanda, link_in(sent), button="Use this address", done="Your e-mail address is changed.")
        sent = mails.read(WANDA, "Your e-mail address was changed", "take the address back with this link")
        wanda.goto(link_in(sent))
        expect(wanda.get_by_role("button", name="Take my account back")).to_be_visible()
        sign_out(wanda)
        sign_in_with_passkey(wanda)
    assert User.objects.get(handle="wanda").email == NEW_ADDRESS

    sent = mails.read(KARL, "Bestätige deine E-Mail-Adresse", "Bitte bestätige, dass das deine E-Mail-Adresse ist:")
    confirm(karl, link_in(sent), button="Adresse bestätigen", done="Deine E-Mail-Adresse ist bestätigt.")
    report_in_german(karl, post)
    mails.read(KARL, "Wir haben deine Meldung erhalten", "Hallo Karl!", "Das Moderationsteam prüft deine Meldung")
    take_down(console.open(make_moderator("mod")), post)
    mails.read(ALICE, "Your post was taken down", "It sells watches.", "Appeal this decision:")
    sent = mails.read(KARL, "Deine Meldung wurde geprüft", OUTCOME, GROUND)
    assert re.search(r"Deine Meldung eines Beitrags vom \d{1,2}\. [^\W\d]+ \d{4}\.", sent)
    # The reporter learns neither the name of the author nor the reason that the author reads.
    assert not re.search("alice|watches", sent, re.IGNORECASE)
    read_outcome_in_german(karl)
    assert mails.unread() == []
