from django.db import migrations

# `ENABLE ALWAYS`: also in a session that plays a replica, in which ordinary triggers sleep.
FORBID = """
CREATE FUNCTION moderation_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit of moderation is append-only.' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON moderation_moderationaction
    FOR EACH ROW EXECUTE FUNCTION moderation_refuse_change();
ALTER TABLE moderation_moderationaction ENABLE ALWAYS TRIGGER audit_is_append_only;

CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON moderation_moderationaction
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse_change();
ALTER TABLE moderation_moderationaction ENABLE ALWAYS TRIGGER audit_is_never_emptied;
"""
ALLOW = """
DROP TRIGGER audit_is_never_emptied ON moderation_moderationaction;
DROP TRIGGER audit_is_append_only ON moderation_moderationaction;
DROP FUNCTION moderation_refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0001_initial'),
    ]

    operations = [
        migrations.RunSQL(FORBID, ALLOW),
    ]
