"""Reason templates: the standard ones in all languages, and changes by users who may change rules, each recorded."""

from django.db import transaction
from django.utils.translation import gettext, gettext_noop

from apps.accounts.models import User
from apps.moderation.audit.records import record_staff_act
from apps.moderation.models import ReasonTemplate
from apps.moderation.roles import require_may_change_rules

# The reasons of a new installation. Migrations 0008, 0019 and 0022 write them.
STANDARD_REASONS = frozenset(
    {
        gettext_noop("It is a scam or misleading advertising, or it is posted again and again."),
        gettext_noop("It shows nudity or sexual acts, which our rules do not allow."),
        gettext_noop("It threatens a person, or praises violence against people or animals."),
        gettext_noop("It attacks people for their origin, religion, sex, orientation, gender or disability."),
        gettext_noop("It insults or exposes a person, or calls on others to do so."),
        gettext_noop("It shows or encourages self-harm, suicide or an eating disorder."),
        gettext_noop("The owner of the rights has told us that it was posted without permission."),
        gettext_noop("We consider it illegal content."),
        gettext_noop("Almost all posts of the account are advertising or scams."),
        gettext_noop("The account continues to harass others after we took down such content."),
        gettext_noop("The account pretends to be another person or organisation."),
        gettext_noop("The account has posted content that we consider seriously illegal."),
        gettext_noop("We have reviewed it and found nothing that breaks our rules."),
        gettext_noop("Some people may not like it, but our rules allow it."),
        gettext_noop("The report is not accurate."),
        gettext_noop("We have already taken action."),
        gettext_noop("Its author has removed or changed it."),
        gettext_noop("It shows a naked body. Readers can choose whether to see it."),
        gettext_noop("It shows injury or violence that some readers find disturbing."),
        gettext_noop("It is mostly advertising. It is not recommended to users who do not follow you."),
        gettext_noop("Its hashtags have nothing to do with its content."),
        gettext_noop("The account posts the same content again and again."),
        gettext_noop("The account mentions many users who do not want it."),
        gettext_noop(
            "Please respect other users: insults break our rules. We may suspend the account if it happens again."
        ),
        gettext_noop("Please do not advertise in comments. We may suspend the account if it happens again."),
    }
)
# The standard reasons of former releases, which statements of reasons still contain.
FORMER_REASONS = frozenset(
    {
        gettext_noop("It advertises, or leads to, something that it does not say it is, or is posted over and over."),
        gettext_noop("It threatens somebody, or praises violence against people or animals."),
        gettext_noop("Whoever holds the rights to it has told us that it was posted without their leave."),
        gettext_noop("We hold it to be illegal content."),
        gettext_noop("The account posts little else than advertising or scams."),
        gettext_noop("The account goes on harassing others after we had taken such content down."),
        gettext_noop("The account has spread content that we hold to be seriously illegal."),
        gettext_noop("We have looked at it and find nothing that breaks our rules."),
        gettext_noop("It may not be to everybody's liking, but our rules allow it."),
        gettext_noop("The report says nothing true of it."),
        gettext_noop("Something has been done about it already."),
    }
)
_FIELDS = ("title", "text", "action", "category")


@transaction.atomic
def save_template(template: ReasonTemplate, *, by: User) -> None:
    """Save a new or changed template. Raises SeniorModeratorRequired."""
    require_may_change_rules(by)
    before = ReasonTemplate.objects.select_for_update().filter(pk=template.pk).values(*_FIELDS).first()
    after = {name: getattr(template, name) for name in _FIELDS}
    if before == after:
        return
    template.save()
    act = "change_reason_template" if before else "add_reason_template"
    record_staff_act(act, template, by=by.pk, before=before, after=after)


@transaction.atomic
def delete_template(template: ReasonTemplate, *, by: User) -> None:
    """Raises SeniorModeratorRequired."""
    require_may_change_rules(by)
    before = {name: getattr(template, name) for name in _FIELDS}
    record_staff_act("drop_reason_template", template, by=by.pk, before=before)
    template.delete()


def localize_reason(reason: str) -> str:
    """A standard reason in the active language; any other as the moderator wrote it."""
    return gettext(reason) if reason in STANDARD_REASONS | FORMER_REASONS else reason
