"""Django's mail backend of the running stack: mails become files, which `mail_page` shows."""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage

LINK = re.compile(r"https?://\S+")


class EmailBackend(BaseEmailBackend):
    """Writes each mail to a file in the folder MAIL_FOLDER, and one line about it with its first link to stdout."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(os.environ["MAIL_FOLDER"])
        folder.mkdir(parents=True, exist_ok=True)
        for number, message in enumerate(email_messages):
            unfinished = folder / f".{os.getpid()}"
            unfinished.write_bytes(message.message().as_bytes())
            unfinished.rename(folder / f"{time.time_ns()}-{number}.eml")
            link = LINK.search(str(message.body))
            line = f"mail to {', '.join(message.recipients())}: {message.subject}"
            print(f"{line} {link[0]}" if link else line, flush=True)
        return len(email_messages)
