"""Security events: sign-ins and changes that the owner of an account must be able to notice.

They are listed, and mailed with what to do if it was not the owner.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from apps.accounts.devices import masked_address
from apps.accounts.models import SecurityEvent, Session, User
from apps.core import limits
from apps.core.tasks.outbox import enqueue

Kind = SecurityEvent.Kind
# Sent by task name: importing tasks.py here would be a cycle.
SEND = "apps.accounts.tasks.send_security_mail"


_CHECK_DEVICES = _(
    "If this was not you, set a new password now. That signs out all devices. Then check your security settings."
)
_SET_PASSWORD = _("Set a new password")


@dataclass(frozen=True)
class Notice:
    """The mail about an event. `%(date)s` is the day of a planned deletion, `%(days)s` for how long a changed address
    can be taken back. `path`: the page of the web client to which the link leads.
    """

    subject: Any
    text: Any
    advice: Any = _CHECK_DEVICES
    path: str = "forgot"
    label: Any = _SET_PASSWORD


# Events that are not here are listed and not mailed: another mail is about them.
NOTICES: dict[str, Notice] = {
    Kind.NEW_DEVICE: Notice(
        _("New sign-in to your account"), _("Someone has signed in to your account from a device that is new to us.")
    ),
    Kind.PASSWORD_CHANGED: Notice(
        _("Your password was changed"), _("The password of your account was changed. All other devices are signed out.")
    ),
    Kind.PASSWORD_RESET: Notice(
        _("Your password was reset"),
        _("A new password was set with the link of a mail. All devices are signed out."),
        _("If this was not you, others can read your mails: secure your mailbox first, and then set a new password."),
    ),
    Kind.HANDLE_CHANGED: Notice(_("Your handle was changed"), _("The handle of your account was changed.")),
    Kind.EMAIL_CHANGE_REQUESTED: Notice(
        _("Your e-mail address is about to change"),
        _("Someone has asked to change the e-mail address of your account. We have sent a link to the new address."),
        _("If this was not you, set a new password now. That cancels the change and signs out all devices."),
    ),
    Kind.EMAIL_CHANGED: Notice(
        _("Your e-mail address was changed"),
        _("Your account has another e-mail address now. Mails will no longer be sent to this one."),
        _(
            "If this was not you, take the address back with this link within %(days)s days. You set a new password "
            "there, and all devices are signed out."
        ),
        "revert-email",
        _("Take my account back"),
    ),
    Kind.EMAIL_REVERTED: Notice(
        _("Your e-mail address was restored"),
        _(
            "This is the e-mail address of your account again. A new password was set, all devices are signed out, and "
            "second factors that were added at the time of the change are removed."
        ),
    ),
    Kind.TWO_FACTOR_ADDED: Notice(
        _("An authenticator app was added"), _("An authenticator app was added to your account.")
    ),
    Kind.TWO_FACTOR_REMOVED: Notice(
        _("Your authenticator app was removed"), _("The authenticator app was removed from your account.")
    ),
    Kind.TWO_FACTOR_RESET: Notice(
        _("Your two-factor authentication was reset"),
        _("Our team has removed the second factor from your account. Signing in asks for the password only."),
    ),
    Kind.PASSKEY_ADDED: Notice(
        _("A passkey was added"), _("A passkey was added to your account. It can be used to sign in.")
    ),
    Kind.PASSKEY_REMOVED: Notice(_("A passkey was removed"), _("A passkey was removed from your account.")),
    Kind.RECOVERY_CODES_RENEWED: Notice(
        _("You have new recovery codes"),
        _("New recovery codes were made for your account. The former ones no longer work."),
    ),
    Kind.RECOVERY_CODE_USED: Notice(
        _("A recovery code was used"),
        _("Someone has signed in to your account with a recovery code in place of the second factor."),
    ),
    Kind.DEACTIVATED: Notice(
        _("Your account is deactivated"),
        _("Your account is hidden until you sign in again."),
        _("If this was not you, set a new password now, and sign in to show the account again."),
    ),
    Kind.REACTIVATED: Notice(_("Your account is active again"), _("Your account was hidden, and is shown again.")),
    Kind.DELETION_SCHEDULED: Notice(
        _("Your account will be deleted"),
        _("Your account is hidden, and will be deleted for good on %(date)s. Sign in before then to keep it."),
        _("If this was not you, set a new password now, and sign in to keep the account."),
    ),
    Kind.DELETION_CANCELLED: Notice(
        _("Your account will not be deleted"),
        _("Someone has signed in to your account, which cancels its deletion. The account is shown again."),
    ),
}
# The names of the events that are listed and not mailed.
_TITLES = {
    Kind.EMAIL_CORRECTED: _("Your e-mail address was corrected"),
    Kind.EMAIL_CHANGE_CANCELLED: _("The change of your e-mail address was cancelled"),
    Kind.EXPORT_REQUESTED: _("An archive of your data was requested"),
    Kind.EXPORT_READY: _("The archive of your data is ready"),
}
# These mails are never left out, however many there are: they have a link that only this mail has.
_UNLIMITED = {Kind.EMAIL_CHANGED}


def title_of(event: SecurityEvent) -> str:
    """What a list calls the event."""
    notice = NOTICES.get(event.kind)
    return str(notice.subject if notice else _TITLES[Kind(event.kind)])


def record(
    user: User,
    kind: SecurityEvent.Kind,
    *,
    detail: str = "",
    session: Session | None = None,
    session_id: UUID | None = None,
    address: str | None = None,
    user_agent: str = "",
    email: str = "",
) -> SecurityEvent:
    """List the event and enqueue its mail, in the transaction of the change. `detail` says what changed, such as the
    name of a passkey.

    The device is that of `session` or `session_id`, or that with `address` and `user_agent`. The mail goes to `email`,
    or to the present address of the account. Of the same kind three are mailed in an hour, so that nobody can flood a
    mailbox; all are listed.
    """
    if session is None and session_id:
        session = Session.objects.owned_by(user.pk).filter(pk=session_id).first()
    event = SecurityEvent.objects.create(
        user=user,
        kind=kind,
        detail=detail[:300],
        email=email or user.email,
        device_name=session.device_name if session and session.kind == Session.Kind.API else "",
        user_agent=session.user_agent if session else user_agent[:300],
        network=masked_address(session.address if session else address),
    )
    if kind in NOTICES and not _is_flood(event):
        enqueue(SEND, kwargs={"event_id": str(event.pk)})
    return event


def _is_flood(event: SecurityEvent) -> bool:
    if event.kind in _UNLIMITED:
        return False
    return limits.count_request("mail_account", f"{event.kind}:{event.user_id}", guards_a_secret=True).exceeded
