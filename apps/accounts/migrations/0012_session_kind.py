from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_leased_jobs")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "session",
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("revoked", "Revoked"),
                            ("signed_out", "Signed Out"),
                            ("token_reused", "Token Reused"),
                            ("password_changed", "Password Changed"),
                            ("password_reset", "Password Reset"),
                            ("suspended", "Suspended"),
                            ("leaving", "Leaving"),
                            ("erased", "Erased"),
                            ("dismissed", "Dismissed"),
                            ("two_factor_reset", "Two Factor Reset"),
                        ],
                        max_length=20,
                    ),
                ),
            ]
        ),
        migrations.AddField(
            "session",
            "kind",
            models.CharField(
                choices=[("api", "Api"), ("console", "Console")], db_default="api", default="api", max_length=10
            ),
        ),
    ]
