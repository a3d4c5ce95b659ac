from typing import Any

from django.core.exceptions import ValidationError
from django.forms import UUIDField
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters

from apps.core.db.ids import parse_id
from apps.engagement.models import Comment


class CanonicalUUIDField(UUIDField):
    """A UUID in lower case with hyphens, as the API writes ids."""

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        parsed = parse_id(str(value))
        if parsed is None:
            raise ValidationError(_("The id of a comment."), code="invalid")
        return parsed


class CanonicalUUIDFilter(filters.Filter):
    field_class = CanonicalUUIDField


class CommentFilter(filters.FilterSet):
    parent_id = CanonicalUUIDFilter(help_text="The id of a comment: list its replies.")

    class Meta:
        model = Comment
        fields = ["parent_id"]
