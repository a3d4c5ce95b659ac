"""Response shapes for the OpenAPI document: every field of an answer is always there."""

from typing import Any

from rest_framework import serializers


class Shape(serializers.Serializer[Any]):
    """Describes an object of an answer; it never renders one."""


def nullable(shape: type[Shape], **kwargs: Any) -> Shape:
    return shape(allow_null=True, **kwargs)
