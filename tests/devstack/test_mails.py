"""The mails of `make run`: a file and a line for each, and a page that shows them."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.core.mail import EmailMultiAlternatives

from devstack import mail_page
from devstack.mail_backend import EmailBackend

LINK = "http://127.0.0.1:8000/confirm-email?token=abc"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAIL_FOLDER", str(tmp_path / "mails"))
    return tmp_path / "mails"


@pytest.fixture
def page(folder: Path) -> Iterator[str]:
    server = mail_page.serve(folder, 0)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def send(subject: str, text: str) -> None:
    mail = EmailMultiAlternatives(subject, text, "noreply@photogram.example", ["alice@example.org"])
    mail.attach_alternative(f"<p>{text}<script>bad()</script>", "text/html")
    assert EmailBackend().send_messages([mail]) == 1


def test_mail_is_one_line_with_its_first_link(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    send("Confirm your e-mail address", f"Hello Alice,\n\nopen {LINK}\n\nor http://127.0.0.1:8000/other")
    send("Nothing to open", "Hello.")
    assert capsys.readouterr().out.splitlines() == [
        f"mail to alice@example.org: Confirm your e-mail address {LINK}",
        "mail to alice@example.org: Nothing to open",
    ]


def test_page_lists_mails_newest_first_and_shows_their_links(folder: Path, page: str) -> None:
    assert "No mail yet" in requests.get(page, timeout=5).text
    send("The <first>", f"open {LINK}")
    send("The second", "Hello.")
    listed = requests.get(page, timeout=5).text
    assert listed.index("The second") < listed.index("The &lt;first&gt;")
    oldest = min(folder.glob("*.eml")).name
    shown = requests.get(f"{page}/{oldest}", timeout=5)
    assert f'<a href="{LINK}">' in shown.text
    assert "bad()" not in shown.text, "the HTML is in a frame without scripts"
    html = requests.get(f"{page}/{oldest}/html", timeout=5)
    assert "bad()" in html.text
    assert html.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize("path", ["/nothing.eml", "/../ports.json", "/%2e%2e/ports.json", "/1-0.eml"])
def test_page_shows_nothing_but_mails(folder: Path, page: str, path: str) -> None:
    (folder.parent / "ports.json").write_text("{}")
    assert requests.get(page + path, timeout=5).status_code == 404


# "{port}" is that of the page.
HOSTS = {
    "127.0.0.1:{port}": 200,
    "localhost:{port}": 200,
    "LOCALHOST": 200,
    "localhost:8025": 200,
    "attacker.example:{port}": 421,
    "127.0.0.1.attacker.example": 421,
    "localhost.attacker.example": 421,
    "localhost@attacker.example": 421,
    "[::1": 421,
    "": 421,
}


def test_page_is_shown_under_its_own_hosts_only(folder: Path, page: str) -> None:
    """A website may have its name resolved to this machine."""
    send("A secret", "A secret.")
    [mail], port = folder.glob("*.eml"), page.rsplit(":", 1)[1]
    for path, (host, status) in itertools.product(["/", f"/{mail.name}", f"/{mail.name}/html"], HOSTS.items()):
        shown = requests.get(page + path, headers={"Host": host.format(port=port)}, timeout=5)
        assert shown.status_code == status, (path, host)
        assert ("secret" in shown.text) == (status == 200)
