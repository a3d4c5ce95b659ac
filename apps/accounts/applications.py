"""Applications: while moderators decide on each sign-up, a new account is pending.

A pending account is hidden and cannot sign in. It is erased at its `erase_after`: APPLICATION_LIFETIME after the
application, or REJECTED_APPLICATION_KEPT after a rejection, until when its owner can read the reason by signing in.
"""

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts import services, tasks
from apps.accounts.models import Application, User
from apps.core.errors import Conflict, NotFound

Status = Application.Status


class ApplicationDecided(Conflict):
    code, title = "application_decided", _("This application was decided otherwise.")


@transaction.atomic
def decide(application: Application, *, by: User, approve: bool, note: str = "") -> bool:
    """Approve or reject an application, and mail the decision with `note` to the applicant. Idempotent: returns whether
    it is decided now.

    Raises NotFound for an account that is being erased, ApplicationDecided.
    """
    # In this order everywhere: the account, then its application.
    user = User.objects.select_for_update(no_key=True).filter(pk=application.user_id).first()
    locked = Application.objects.select_for_update(no_key=True).filter(pk=application.pk).first()
    if user is None or locked is None:
        raise NotFound
    decision = Status.APPROVED if approve else Status.REJECTED
    if locked.status == decision:
        return False
    if locked.status != Status.PENDING:
        raise ApplicationDecided
    if user.state != User.State.PENDING:
        raise NotFound
    if approve:
        services.activate(user)
    else:
        User.objects.filter(pk=user.pk).update(erase_after=timezone.now() + settings.REJECTED_APPLICATION_KEPT)
    locked.status, locked.note = decision, note
    locked.decided_by, locked.decided_at = by, timezone.now()
    locked.save(update_fields=["status", "note", "decided_by", "decided_at"])
    tasks.send_application_decision.delay(application_id=str(locked.pk))
    return True
