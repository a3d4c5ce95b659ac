"""`python -m devstack.prepare`: migrate, create buckets and schedule, in one process to save time."""

import io
import os

import django
from django.core.management import call_command

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("ensure_buckets", verbosity=0, stdout=io.StringIO())
    call_command("ensure_schedule", verbosity=0, stdout=io.StringIO())
