"""Validators of form fields."""

from django.core.exceptions import ValidationError

from apps.core.text import is_blank


def validate_not_blank(text: str) -> None:
    """Raises ValidationError for a text of invisible characters. Django's fields refuse white space by themselves."""
    if is_blank(text):
        raise ValidationError("Write something that can be read.", code="required")
