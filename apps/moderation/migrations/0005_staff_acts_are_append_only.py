from django.db import migrations

# The function is that of 0002.
FORBID = """
CREATE TRIGGER staff_acts_are_append_only BEFORE UPDATE OR DELETE ON moderation_staffact
    FOR EACH ROW EXECUTE FUNCTION moderation_refuse_change();
ALTER TABLE moderation_staffact ENABLE ALWAYS TRIGGER staff_acts_are_append_only;

CREATE TRIGGER staff_acts_are_never_emptied BEFORE TRUNCATE ON moderation_staffact
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse_change();
ALTER TABLE moderation_staffact ENABLE ALWAYS TRIGGER staff_acts_are_never_emptied;
"""
ALLOW = """
DROP TRIGGER staff_acts_are_never_emptied ON moderation_staffact;
DROP TRIGGER staff_acts_are_append_only ON moderation_staffact;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0004_staff_acts'),
    ]

    operations = [
        migrations.RunSQL(FORBID, ALLOW),
    ]
