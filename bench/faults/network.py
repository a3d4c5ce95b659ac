"""What stands between: a TCP proxy that refuses or delays, and a mail server that only counts."""

import contextlib
import email
import re
import socket
import socketserver
import threading
import time
from dataclasses import dataclass


class Proxy:
    """Passes TCP through to `target`; while `down`, it refuses; with `latency`, each answer begins so much later."""

    def __init__(self, target: int) -> None:
        self.down = False
        self.latency = 0.0
        self._target = target
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.down:
                self._reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                self._reset(client)
                continue
            self._open |= {client, server}
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client), kwargs={"answers": True}, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, *, answers: bool = False) -> None:
        sent = 0.0
        try:
            while part := source.recv(65536):
                # The beginning of an answer, and not what follows it.
                if answers and self.latency and time.monotonic() - sent > 0.5:
                    time.sleep(self.latency)
                sink.sendall(part)
                sent = time.monotonic()
        except OSError:
            pass
        for end in (source, sink):
            self._open.discard(end)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    @staticmethod
    def _reset(client: socket.socket) -> None:
        # Closed with a reset, as by a machine on which nobody listens.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()

    def refuse(self) -> None:
        """From now on, and what is open is cut."""
        self.down = True
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def pass_through(self) -> None:
        self.down, self.latency = False, 0.0

    def close(self) -> None:
        self._listener.close()


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    message_id: str
    body: str


class MailSink:
    """Speaks as much SMTP as Django's client does, and keeps what it is given in `mails`."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        sink = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 sink")
                to = ""
                for raw in self.rfile:
                    verb = raw[:4].upper()
                    if verb == b"RCPT":
                        found = re.search(rb"<(.*?)>", raw)
                        to = found[1].decode() if found else ""
                        self.say("250 ok")
                    elif verb == b"DATA":
                        self.say("354 go on")
                        sink.keep(to, self.read_data())
                        self.say("250 ok")
                    elif verb == b"QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

            def read_data(self) -> bytes:
                lines = []
                for line in self.rfile:
                    if line in (b".\r\n", b".\n"):
                        break
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                return b"".join(lines)

            def say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Session)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def keep(self, to: str, data: bytes) -> None:
        message = email.message_from_bytes(data)
        text = next(part for part in message.walk() if part.get_content_type() == "text/plain")
        body = text.get_payload(decode=True)
        self.mails.append(
            Mail(
                to,
                str(message["Subject"]),
                # A long one is folded.
                "".join(str(message["Message-ID"]).split()),
                body.decode(errors="replace") if isinstance(body, bytes) else "",
            )
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
