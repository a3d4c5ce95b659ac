"""The pages of the console that belong to no single app."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.console import outbox, schedule

__all__ = ["outbox", "schedule"]

admin.site.login_template = "console/login.html"
# Roles are changed by a command, and the page of devices would show their secrets.
for model in (Group, TOTPDevice):
    admin.site.unregister(model)
