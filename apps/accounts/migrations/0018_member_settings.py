from django.db import migrations, models


def hide_deactivated(apps, schema_editor):
    """For the previous release: hidden, and shown again when the owner signs in."""
    apps.get_model("accounts", "User").objects.filter(state="deactivated").update(state="leaving")


WIDER_STATE = migrations.AlterField(
    model_name="user",
    name="state",
    field=models.CharField(
        choices=[
            ("active", "Active"),
            ("pending", "Pending"),
            ("suspended", "Suspended"),
            ("deactivated", "Deactivated"),
            ("leaving", "Leaving"),
            ("erased", "Erased"),
        ],
        default="active",
        max_length=20,
    ),
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0017_registration"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="deactivated_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        # Choices exist in Python only: there is nothing to do in the database.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="session",
                    name="end_reason",
                    field=models.CharField(
                        blank=True,
                        choices=[
                            ("revoked", "Revoked"),
                            ("signed_out", "Signed Out"),
                            ("token_reused", "Token Reused"),
                            ("password_changed", "Password Changed"),
                            ("password_reset", "Password Reset"),
                            ("suspended", "Suspended"),
                            ("deactivated", "Deactivated"),
                            ("leaving", "Leaving"),
                            ("erased", "Erased"),
                            ("dismissed", "Dismissed"),
                            ("two_factor_reset", "Two Factor Reset"),
                            ("email_reverted", "Email Reverted"),
                        ],
                        max_length=20,
                    ),
                ),
            ]
        ),
        # A longer varchar changes the catalogue only: no row is read.
        migrations.SeparateDatabaseAndState(
            database_operations=[WIDER_STATE],
            state_operations=[WIDER_STATE],
        ),
        migrations.RunPython(migrations.RunPython.noop, hide_deactivated, elidable=True),
    ]
