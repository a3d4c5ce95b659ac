"""Who may join: decisions on applications, invitations of staff, and domains of e-mail addresses.

Each is recorded as a staff act in its transaction.
"""

from django.db import transaction

from apps.accounts import applications, email_domains, invitations
from apps.accounts.models import Application, EmailDomain, Invitation, User
from apps.moderation.audit.records import record_staff_act, require_reason
from apps.moderation.cases import claims
from apps.moderation.cases.decisions import Target
from apps.moderation.permissions import require_admin
from apps.moderation.roles import require_may_change_rules
from apps.moderation.services import require_moderator


# ── Applications ─────────────────────────────────────────────────────────────────────────────────────────
def target_of(application: Application) -> Target:
    """What a moderator who works on the application claims: the account of the applicant."""
    return Target.of(application.user)


@transaction.atomic
def decide_application(application: Application, *, by: User, approve: bool, note: str = "") -> bool:
    """Approve or reject an application. The applicant sees `note`, which a rejection needs. Idempotent: returns whether
    it is decided now.

    Raises ModeratorRequired, Invalid, ApplicationDecided, NotFound.
    """
    require_moderator(by)
    if not approve:
        require_reason(note, field="note")
    is_decided = applications.decide(application, by=by, approve=approve, note=note)
    if is_decided:
        act = "approve_application" if approve else "reject_application"
        record_staff_act(act, application, by=by.pk, reason=note, person=str(application.user_id))
    claims.end(application.user_id)
    return is_decided


# ── Invitations ──────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def invite(*, max_uses: int, days: int, by: User, reason: str) -> Invitation:
    """Create an invitation of the operator: without a quota, and valid in every mode. Raises AdminRequired, Invalid."""
    require_admin(by)
    require_reason(reason)
    invitation = invitations.create(by.pk, max_uses=max_uses, days=days, by_operator=True)
    # Without the code, which is worth something until the invitation ends.
    record_staff_act("create_invitation", invitation, by=by.pk, reason=reason, max_uses=max_uses, days=days)
    return invitation


@transaction.atomic
def revoke_invitation(invitation: Invitation, *, by: User, reason: str) -> bool:
    """End an invitation of any user. Returns whether it was not revoked before. Raises AdminRequired, Invalid."""
    require_admin(by)
    require_reason(reason)
    is_revoked = invitations.revoke(invitation)
    if is_revoked:
        record_staff_act("revoke_invitation", invitation, by=by.pk, reason=reason, creator=str(invitation.creator_id))
    return is_revoked


# ── Domains of e-mail addresses ──────────────────────────────────────────────────────────────────────────
@transaction.atomic
def add_email_domain(*, domain: str, effect: str, by: User, reason: str) -> EmailDomain:
    """Refuse or accept addresses of a domain. Raises SeniorModeratorRequired, Invalid, DomainListed."""
    require_may_change_rules(by)
    require_reason(reason)
    rule = email_domains.add_rule(domain=domain, effect=effect, reason=reason)
    record_staff_act("add_email_domain", rule, by=by.pk, reason=reason, domain=rule.domain, effect=effect)
    return rule


@transaction.atomic
def remove_email_domain(rule: EmailDomain, *, by: User, reason: str) -> bool:
    """Raises SeniorModeratorRequired, Invalid, NotFound."""
    require_may_change_rules(by)
    require_reason(reason)
    removed = email_domains.remove_rule(rule)
    record_staff_act(
        "remove_email_domain", removed, by=by.pk, reason=reason, domain=removed.domain, effect=removed.effect
    )
    return True
