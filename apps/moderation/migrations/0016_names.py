"""The names that the console shows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0015_rows_of_one_decision")]

    operations = [
        migrations.AlterModelOptions("flag", {"verbose_name": "report"}),
        migrations.AlterModelOptions("moderationaction", {"verbose_name": "decision"}),
        migrations.AlterModelOptions("suspensionproposal", {"verbose_name": "proposed suspension"}),
        # Labels are only shown in the console: no change of the database.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "moderationaction",
                    "action",
                    models.CharField(
                        choices=[
                            ("takedown", "Takedown"),
                            ("restore", "Restoration"),
                            ("suspend", "Suspension"),
                            ("unsuspend", "End of suspension"),
                            ("resolve_flag", "Report resolved"),
                            ("dismiss_flag", "Report dismissed"),
                            ("uphold_appeal", "Appeal upheld"),
                            ("overturn_appeal", "Appeal overturned"),
                        ],
                        max_length=20,
                    ),
                ),
            ]
        ),
    ]
