"""What the API returns about tags that were found."""

from typing import Any

from rest_framework import serializers

from apps.core.api.schema import example
from apps.search.querysets import COUNTED


@example({"tag": "husum", "posts": 57})
class FoundTagSerializer(serializers.Serializer[Any]):
    tag = serializers.CharField(source="plain")
    posts = serializers.IntegerField(help_text=f"Posts that the caller may see, counted up to {COUNTED:,}.")
