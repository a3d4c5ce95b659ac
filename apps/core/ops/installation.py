"""System checks of an installation: checks of Django's framework that contact servers.

They are deployment checks with the tag `installation` and a tag for their subject, so neither `manage.py check` nor any
other command runs them. `manage.py system_check` runs all of them, `manage.py check --deploy --tag storage` some.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Info

from apps.core.ops import health
from apps.core.ops.health import State

TAG = "installation"
# The id of a message that names the cause why a subject was not checked.
NOT_CHECKED = "photogram.I001"
# The subject of the checks of Django, of libraries and of settings.
SETTINGS = "settings"
Check = Callable[..., Iterable[CheckMessage]]
# In the order of the report.
_subjects = [SETTINGS]


def register(
    subject: str, *, id: str, hint: str, address: Callable[[], str] | None = None, requires: tuple[str, ...] = ()
) -> Callable[[Check], Check]:
    """Register a check with Django. Its messages are about `subject`.

    If the check raises an exception, that is an error with `id` and `hint`; its message begins with `address()`. While
    one of the dependencies `requires` is down, one message names the cause, and nothing is checked.
    """
    if subject not in _subjects:
        _subjects.append(subject)

    def decorate(check: Check) -> Check:
        def run(**options: Any) -> list[CheckMessage]:
            if fault := _fault_of(requires):
                return [Info(f"Not checked: {fault}.", obj=subject, id=NOT_CHECKED)]
            messages: list[CheckMessage] = []
            try:
                # Keeps the messages before an exception.
                for message in check(**options):
                    messages.append(message)
            except Exception as error:  # whatever a client library raises
                reason = f"{type(error).__name__}: {str(error).strip()}"
                messages.append(Error(f"{address()}: {reason}" if address else reason, hint=hint, id=id))
            for message in messages:
                message.obj = subject
            return messages

        checks.register(run, TAG, subject, deploy=True)
        return check

    return decorate


def _fault_of(dependencies: tuple[str, ...]) -> str:
    """What is wrong with the first of them that is not up; empty if all are up."""
    results = health.probe(*dependencies) if dependencies else {}
    down = (name for name in dependencies if results[name].state is not State.UP)
    return next((health.root_fault(name, results) for name in down), "")


def run_checks(*subjects: str) -> list[CheckMessage]:
    """The messages of the checks of `subjects`, by default of all checks, in the order of their subjects.

    In production this includes Django's checks for deployment. Silenced messages are left out.
    """
    if subjects:
        messages = checks.run_checks(tags=subjects, include_deployment_checks=True)
    else:
        messages = checks.run_checks(include_deployment_checks=settings.PRODUCTION)
        if not settings.PRODUCTION:
            messages += checks.run_checks(tags=[TAG], include_deployment_checks=True)
        if all(subject_of(message) != SETTINGS for message in messages):
            messages.append(Info("Django's checks found nothing.", id="photogram.I100"))
    return sorted(
        (message for message in messages if not message.is_silenced()),
        key=lambda message: _subjects.index(subject_of(message)),
    )


def subject_of(message: CheckMessage) -> str:
    """Messages of other checks are about models, apps or nothing in particular."""
    return message.obj if isinstance(message.obj, str) and message.obj in _subjects else SETTINGS


def host_of(url: str) -> str:
    """Host and port of a URL, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]
