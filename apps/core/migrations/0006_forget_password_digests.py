"""Fingerprints of sign-ups were digests of the password, without a key. A retry of a sign-up that is lost with its key is
refused, because the handle is taken."""

from django.db import migrations


def delete_keys_of_sign_ups(apps, schema_editor):
    apps.get_model("core", "IdempotencyKey").objects.filter(user=None).delete()


class Migration(migrations.Migration):
    dependencies = [("core", "0005_job_checkpoint")]

    operations = [migrations.RunPython(delete_keys_of_sign_ups, migrations.RunPython.noop)]
