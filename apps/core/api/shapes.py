"""Response shapes for the OpenAPI document: every field of an answer is always there."""

from typing import Any

from rest_framework import serializers


# No docstring: it would become the description of every shape in the document.
class Shape(serializers.Serializer[Any]):  # describes an object of an answer; never renders one
    pass
