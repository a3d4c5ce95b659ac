"""Which domains of e-mail addresses are accepted: the list of disposable domains, and exceptions from the console.

A domain stands for its subdomains, too. The most specific row of `EmailDomain` decides; without one, the list does.
"""

from disposable_email_domains import blocklist
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.models import EmailDomain
from apps.core.errors import Conflict, Invalid, NotFound
from apps.safety.texts import MAX_LABELS, comparable_domain


class DomainListed(Conflict):
    code, title = "domain_listed", gettext_lazy("There is a rule for that domain already. Remove it first.")


def check_email_domain(email: str, *, field: str = "email") -> None:
    """Raises Invalid, naming `field`, unless addresses of this domain are accepted."""
    domain = comparable_domain(email.rpartition("@")[2])
    # A local name, which has no dot and is in no list.
    if domain is not None and not is_accepted(domain):
        raise Invalid(**{field: ("blocked_domain", _("Addresses of this provider are not accepted here."))})


def is_accepted(domain: str) -> bool:
    """Whether addresses of the domain, in lower case and Punycode, are accepted."""
    names = _with_parents(domain)
    effects = dict(EmailDomain.objects.filter(domain__in=names).values_list("domain", "effect"))
    for name in names:
        if effect := effects.get(name):
            return effect == EmailDomain.Effect.ALLOW
    return blocklist.isdisjoint(names)


def _with_parents(domain: str) -> list[str]:
    """The domain and the domains above it, the longest first: a.b.example, b.example."""
    labels = domain.split(".")[-MAX_LABELS:]
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def add_rule(*, domain: str, effect: str, reason: str) -> EmailDomain:
    """`domain` in any spelling. Raises Invalid unless it is a domain, DomainListed."""
    name = comparable_domain(domain.strip())
    if name is None or len(name) > 253:
        raise Invalid(domain=("invalid", _("A domain, such as example.com.")))
    rule, is_new = EmailDomain.objects.get_or_create(domain=name, defaults={"effect": effect, "reason": reason})
    if not is_new:
        raise DomainListed
    return rule


@transaction.atomic
def remove_rule(rule: EmailDomain) -> EmailDomain:
    """Returns the removed rule. Raises NotFound if it was removed before."""
    locked: EmailDomain | None = EmailDomain.objects.select_for_update().filter(pk=rule.pk).first()
    if locked is None:
        raise NotFound
    EmailDomain.objects.filter(pk=locked.pk).delete()
    return locked
