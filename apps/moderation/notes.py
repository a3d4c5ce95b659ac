"""Team notes: what moderators write about an account for one another."""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.core.text import is_blank
from apps.moderation.audit.records import record_staff_act
from apps.moderation.models import TeamNote
from apps.moderation.roles import may_change_rules
from apps.moderation.services import require_authority, require_moderator

# The notes that a page shows, newest first.
SHOWN = 50


class NotYourNote(Forbidden):
    code, title = "not_your_note", _("Only its author and senior moderators may delete a note.")


@transaction.atomic
def add(person: User, *, by: User, text: str) -> TeamNote:
    """Write a note about an account. Raises ModeratorRequired, CannotModerate, Invalid without a text, NotFound for an
    account that is being erased."""
    require_authority(by, person.pk)
    if is_blank(text):
        raise Invalid(text=("blank", _("Write a note.")))
    # The erasure of the account waits for the lock, and deletes the note.
    if not User.objects.not_erased().select_for_update(no_key=True).filter(pk=person.pk).exists():
        raise NotFound
    note = TeamNote.objects.create(person=person, author=by, text=text.strip())
    record_staff_act("add_team_note", note, by=by.pk, person=str(person.pk))
    return note


@transaction.atomic
def delete(note: TeamNote, *, by: User) -> None:
    """Delete a note: its author may, and a user who may change rules.

    Raises ModeratorRequired, CannotModerate, NotYourNote, NotFound.
    """
    require_authority(by, note.person_id)
    if not _may_delete(note, by):
        raise NotYourNote
    locked = TeamNote.objects.select_for_update().filter(pk=note.pk).first()
    if locked is None:
        raise NotFound
    record_staff_act("delete_team_note", locked, by=by.pk, person=str(locked.person_id))
    locked.delete()


def list_about(person_id: UUID, *, by: User) -> list[TeamNote]:
    """The newest notes about an account, with `may_delete`. Moderators do not see those about themselves.

    Raises ModeratorRequired.
    """
    require_moderator(by)
    rows = list(TeamNote.objects.about(person_id, reader_id=by.pk).with_author().order_by("-id")[:SHOWN])
    for note in rows:
        note.may_delete = _may_delete(note, by)
    return rows


def _may_delete(note: TeamNote, by: User) -> bool:
    return note.author_id == by.pk or may_change_rules(by)
