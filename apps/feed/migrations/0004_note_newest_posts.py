from django.db import migrations

KEEP = """
CREATE OR REPLACE FUNCTION feed_note_newest_post() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_newestpost AS bound (author_id, post) VALUES (NEW.author_id, NEW.id)
    ON CONFLICT (author_id) DO UPDATE SET post = excluded.post WHERE bound.post < excluded.post;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER feed_newest_post AFTER INSERT ON content_post
    FOR EACH ROW WHEN (NEW.status = 'published' AND NEW.taken_down_at IS NULL)
    EXECUTE FUNCTION feed_note_newest_post();
CREATE OR REPLACE TRIGGER feed_newest_post_again AFTER UPDATE OF status, taken_down_at ON content_post
    FOR EACH ROW WHEN (NEW.status = 'published' AND NEW.taken_down_at IS NULL)
    EXECUTE FUNCTION feed_note_newest_post();
"""
FORGET = """
DROP TRIGGER feed_newest_post_again ON content_post;
DROP TRIGGER feed_newest_post ON content_post;
DROP FUNCTION feed_note_newest_post();
"""
# One index seek for each account. Until it is done nobody reads the table; from the trigger on it misses nothing.
FILL = """
INSERT INTO feed_newestpost (author_id, post)
SELECT author.id, newest.id
FROM accounts_user AS author
CROSS JOIN LATERAL (
    SELECT id FROM content_post
    WHERE author_id = author.id AND status = 'published' AND taken_down_at IS NULL
    ORDER BY id DESC
    LIMIT 1
) AS newest
ON CONFLICT (author_id) DO UPDATE SET post = excluded.post WHERE feed_newestpost.post < excluded.post
"""


class Migration(migrations.Migration):
    # The lock on the posts, which the triggers need, is not held while the table is filled. May be run again.
    atomic = False

    dependencies = [
        ('content', '0002_stale_exposure_and_leaner_indexes'),
        ('feed', '0003_newest_posts_snapshots_mode'),
    ]

    operations = [
        migrations.RunSQL([KEEP], FORGET),
        migrations.RunSQL([FILL], migrations.RunSQL.noop),
    ]
