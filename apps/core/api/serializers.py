"""Base classes of serializers."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


# The body of a request. A field that is not declared, or read-only, is refused by name.
# No docstring: it would become the description of every body in the OpenAPI document.
class StrictSerializer(serializers.Serializer[Any]):
    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = {name: [_("Unknown field.")] for name in data if name not in writable}
            if unknown:
                raise serializers.ValidationError(unknown, code="unknown_field")
        return super().to_internal_value(data)


class EmptySerializer(StrictSerializer):
    """The body of a call that takes none: absent or {}."""
