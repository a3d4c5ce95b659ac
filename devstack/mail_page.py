"""A page that shows the mails of the running stack, which `mail_backend` has written to a folder."""

import email
import email.policy
import html
import re
import threading
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# Another name is that of a website which has its name resolved to this machine, in order to read the mails.
HOSTS = {"127.0.0.1", "localhost"}
_LINK = re.compile(r"https?://\S+")
_PAGE = (
    "<!doctype html><meta charset=utf-8><title>{title}</title>"
    "<style>body{{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}}"
    "td{{padding:.25rem 1rem .25rem 0;vertical-align:top}}pre{{white-space:pre-wrap}}"
    "iframe{{width:100%;height:40rem;border:1px solid #ccc}}</style>{body}"
)


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """Show the mails in `folder` at `http://127.0.0.1:{port}/`, from a thread. The caller closes the server."""

    class Handler(MailHandler):
        mails = folder

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, name="mails", daemon=True).start()
    return server


class MailHandler(BaseHTTPRequestHandler):
    """`/` lists the mails of `mails`, newest first; `/{name}` shows one; `/{name}/html` is its HTML alone. Requests
    for other hosts are refused."""

    mails = Path()

    def do_GET(self) -> None:
        if not _is_own_host(self.headers.get_all("Host", [])):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        name, _, part = unquote(self.path).strip("/").partition("/")
        if not name:
            self._respond(_list(self.mails))
        elif not re.fullmatch(r"\d+-\d+\.eml", name) or not (self.mails / name).exists():
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            message = _read(self.mails / name)
            self._respond(_body(message, "html") if part == "html" else _show(name, message))

    def _respond(self, page: str) -> None:
        content = page.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        # A mail is data of others: its HTML runs no script.
        self.send_header("Content-Security-Policy", "sandbox allow-popups allow-top-navigation-by-user-activation")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests for mails are not logged."""


def _is_own_host(values: list[str]) -> bool:
    """Whether there is one header `Host`, which names this server. The port may differ, as that of an SSH tunnel."""
    try:
        return [urlsplit(f"//{value}").hostname for value in values] in [[host] for host in HOSTS]
    except ValueError:
        return False


def _read(path: Path) -> EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part else ""


def _list(folder: Path) -> str:
    rows = []
    for path in sorted(folder.glob("*.eml"), reverse=True)[:200]:
        message = _read(path)
        at, to, subject = (html.escape(str(message[name])) for name in ("Date", "To", "Subject"))
        rows.append(f'<tr><td>{at}<td>{to}<td><a href="/{path.name}">{subject}</a>')
    body = f"<table>{''.join(rows)}</table>" if rows else "<p>No mail yet."
    return _PAGE.format(title="Mails", body=f"<h1>Mails</h1>{body}")


def _show(name: str, message: EmailMessage) -> str:
    subject = html.escape(str(message["Subject"]))
    text = _LINK.sub(lambda link: f'<a href="{link[0]}">{link[0]}</a>', html.escape(_body(message, "plain")))
    page = f'<iframe sandbox src="/{name}/html"></iframe>' if _body(message, "html") else ""
    head = f'<p><a href="/">All mails</a><h1>{subject}</h1><p>To {html.escape(str(message["To"]))}'
    return _PAGE.format(title=subject, body=f"{head}<pre>{text}</pre>{page}")
