from django.db import migrations


class Migration(migrations.Migration):
    """The table keeps its name, since old and new code run side by side during a release."""

    dependencies = [("media", "0005_avatars")]

    operations = [
        migrations.AlterModelTable("doomedobject", "media_doomedobject"),
        migrations.RenameModel("DoomedObject", "PendingDeletion"),
        migrations.RenameIndex("pendingdeletion", new_name="pending_deletions_by_due", old_name="doomed_by_due_time"),
    ]
