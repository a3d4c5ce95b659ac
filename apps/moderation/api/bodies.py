"""What the calls of this context take."""

from rest_framework import serializers

from apps.core.api.fields import Body, TextField, TokenField
from apps.moderation.models import Category, Flag


class MakeFlag(Body):
    category = serializers.ChoiceField(choices=Category.values)
    note = TextField(max_length=1000, allow_blank=True, required=False)


class ResolveFlag(Body):
    resolution = serializers.ChoiceField(choices=[Flag.Status.RESOLVED.value, Flag.Status.DISMISSED.value])
    note = TextField(max_length=1000, allow_blank=True, required=False)


class TakeDown(Body):
    reason = TextField(max_length=1000, help_text="Told to whom it hits.")
    category = serializers.ChoiceField(choices=Category.values)


class Suspend(TakeDown):
    until = serializers.DateTimeField(required=False, allow_null=True, help_text="Absent or null: until it is lifted.")


class BringBack(Body):
    reason = TextField(max_length=1000, allow_blank=True, required=False, help_text="Told to whom it hits.")


class MakeAppeal(Body):
    text = TextField(max_length=2000)
    token = TokenField(required=False, help_text="From the link in the mail, for who cannot sign in.")


class DecideAppeal(Body):
    decision = serializers.ChoiceField(choices=["uphold", "overturn"])
    note = TextField(max_length=1000, allow_blank=True, required=False)
