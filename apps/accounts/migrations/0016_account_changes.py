import apps.core.db.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_second_factors"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="handle_changed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="withheldhandle",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        # Choices exist in Python only: there is nothing to do in the database.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="emailedtoken",
                    name="purpose",
                    field=models.CharField(
                        choices=[
                            ("confirm_email", "Confirm Email"),
                            ("reset_password", "Reset Password"),
                            ("change_email", "Change Email"),
                            ("revert_email", "Revert Email"),
                        ],
                        max_length=20,
                    ),
                ),
            ]
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
        migrations.CreateModel(
            name="EmailChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.core.db.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("old_email", models.EmailField(max_length=254)),
                ("new_email", models.EmailField(max_length=254)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("confirmed", "Confirmed"),
                            ("cancelled", "Cancelled"),
                            ("reverted", "Reverted"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("revert_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["user", "-id"], name="email_changes_by_user"),
                    models.Index(
                        condition=models.Q(("state", "confirmed")),
                        fields=["old_email"],
                        name="email_changes_by_old_email",
                    ),
                    models.Index(fields=["created_at"], name="email_changes_by_age"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "pending")), fields=("user",), name="one_pending_email_change"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SecurityEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.core.db.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("new_device", "New Device"),
                            ("password_changed", "Password Changed"),
                            ("password_reset", "Password Reset"),
                            ("handle_changed", "Handle Changed"),
                            ("email_corrected", "Email Corrected"),
                            ("email_change_requested", "Email Change Requested"),
                            ("email_change_cancelled", "Email Change Cancelled"),
                            ("email_changed", "Email Changed"),
                            ("email_reverted", "Email Reverted"),
                            ("two_factor_added", "Two Factor Added"),
                            ("two_factor_removed", "Two Factor Removed"),
                            ("two_factor_reset", "Two Factor Reset"),
                            ("passkey_added", "Passkey Added"),
                            ("passkey_removed", "Passkey Removed"),
                            ("recovery_codes_renewed", "Recovery Codes Renewed"),
                            ("recovery_code_used", "Recovery Code Used"),
                            ("export_requested", "Export Requested"),
                            ("export_ready", "Export Ready"),
                            ("deactivated", "Deactivated"),
                            ("reactivated", "Reactivated"),
                            ("deletion_scheduled", "Deletion Scheduled"),
                            ("deletion_cancelled", "Deletion Cancelled"),
                        ],
                        max_length=30,
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=300)),
                ("email", models.EmailField(max_length=254)),
                ("device_name", models.CharField(blank=True, max_length=100)),
                ("user_agent", models.CharField(blank=True, max_length=300)),
                ("network", models.CharField(blank=True, max_length=50)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["user", "-id"], name="security_events_by_user"),
                    models.Index(fields=["created_at"], name="security_events_by_age"),
                ],
            },
        ),
    ]
