from rest_framework import serializers

from apps.core.api.shapes import Shape
from apps.search.tags import COUNTED


class FoundTag(Shape):
    tag = serializers.CharField()
    posts = serializers.IntegerField(help_text=f"Those that the caller may see, counted up to {COUNTED:,}.")
