"""Validators of form fields."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.core.text import has_forbidden, is_blank


def validate_text(text: str) -> None:
    """Raises ValidationError for a text of invisible characters, and for characters that are never stored. Django's
    fields refuse white space by themselves."""
    if has_forbidden(text.replace("\r\n", "\n")):
        raise ValidationError(_("Control characters and bidirectional overrides are not allowed."), code="invalid")
    if is_blank(text):
        raise ValidationError(_("Write something that can be read."), code="required")
