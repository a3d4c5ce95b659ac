from django.db import migrations

CREATE = """
CREATE OR REPLACE FUNCTION accounts_make_avatar() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE media_media SET purpose = 'avatar' WHERE id = NEW.avatar_id AND purpose <> 'avatar';
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER accounts_avatar_is_one AFTER INSERT OR UPDATE OF avatar_id ON accounts_user
    FOR EACH ROW WHEN (NEW.avatar_id IS NOT NULL)
    EXECUTE FUNCTION accounts_make_avatar();
"""
DROP = """
DROP TRIGGER IF EXISTS accounts_avatar_is_one ON accounts_user;
DROP FUNCTION IF EXISTS accounts_make_avatar();
"""


class Migration(migrations.Migration):
    """`media.services.use_as_avatar` sets the purpose of an avatar instead of the trigger."""

    dependencies = [("accounts", "0009_an_avatar_is_one")]

    operations = [
        migrations.RunSQL(DROP, CREATE),
        migrations.RenameIndex("user", new_name="users_inactive", old_name="users_gone"),
    ]
