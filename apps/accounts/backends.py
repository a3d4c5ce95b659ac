"""Whose session of the console it is, together with the device that is asked for codes: one statement for each page."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import OuterRef, Subquery
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts.models import User


class ConsoleBackend(ModelBackend):
    def get_user(self, user_id: Any) -> User | None:
        device = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True).values("pk")[:1]
        user: User | None = User.objects.annotate(device_pk=Subquery(device)).filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
