"""The columns of leases have the same names in all models; in the database they keep theirs, for the release before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0011_comments_by_words")]

    operations = [
        migrations.AddField("statement", "leased_until", models.DateTimeField(null=True)),
        migrations.RunSQL(
            "ALTER TABLE moderation_statement ALTER COLUMN try_after DROP NOT NULL",
            "UPDATE moderation_statement SET try_after = now() WHERE try_after IS NULL; "
            "ALTER TABLE moderation_statement ALTER COLUMN try_after SET NOT NULL",
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex("statement", "statements_to_mail"),
                migrations.RenameField("statement", "try_after", "next_attempt_at"),
                migrations.AlterField(
                    "statement", "next_attempt_at", models.DateTimeField(db_column="try_after", null=True)
                ),
                migrations.AddIndex(
                    "statement", models.Index(condition=models.Q(("mailed_at__isnull", True)), fields=["next_attempt_at"], name="statements_to_mail")
                ),
            ]
        ),
    ]
