from rest_framework import serializers

from apps.core.api.shapes import Shape
from apps.search.querysets import COUNTED


class FoundTag(Shape):
    tag = serializers.CharField()
    posts = serializers.IntegerField(help_text=f"Posts that the caller may see, counted up to {COUNTED:,}.")
