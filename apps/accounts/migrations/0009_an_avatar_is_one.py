from django.db import migrations

KEEP = """
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
FORGET = """
DROP TRIGGER accounts_avatar_is_one ON accounts_user;
DROP FUNCTION accounts_make_avatar();
"""
# Those who chose a photo that was not meant for it. From the trigger on it misses nobody.
FILL = """
UPDATE media_media SET purpose = 'avatar' FROM accounts_user
WHERE accounts_user.avatar_id = media_media.id AND media_media.purpose <> 'avatar'
"""


class Migration(migrations.Migration):
    # The lock on the accounts, which the trigger needs, is not held while the rest is put right. May be run again.
    atomic = False

    dependencies = [("accounts", "0008_who_is_gone"), ("media", "0005_avatars")]

    operations = [
        migrations.RunSQL([KEEP], FORGET),
        migrations.RunSQL([FILL], migrations.RunSQL.noop),
    ]
