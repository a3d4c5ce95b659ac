from django.db import migrations

# A row of feed_newestpost may be too new, but never too old. So the triggers need not know which posts are published:
# they note every post that is inserted, or whose state changes. The rule stays in content/querysets.py alone.
NOTE_EVERY_POST = """
CREATE OR REPLACE TRIGGER feed_newest_post AFTER INSERT ON content_post
    FOR EACH ROW EXECUTE FUNCTION feed_note_newest_post();
CREATE OR REPLACE TRIGGER feed_newest_post_again AFTER UPDATE OF status, taken_down_at ON content_post
    FOR EACH ROW EXECUTE FUNCTION feed_note_newest_post();
"""
NOTE_PUBLISHED_POSTS = """
CREATE OR REPLACE TRIGGER feed_newest_post AFTER INSERT ON content_post
    FOR EACH ROW WHEN (NEW.status = 'published' AND NEW.taken_down_at IS NULL)
    EXECUTE FUNCTION feed_note_newest_post();
CREATE OR REPLACE TRIGGER feed_newest_post_again AFTER UPDATE OF status, taken_down_at ON content_post
    FOR EACH ROW WHEN (NEW.status = 'published' AND NEW.taken_down_at IS NULL)
    EXECUTE FUNCTION feed_note_newest_post();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("content", "0003_console_filters"),
        ("feed", "0005_newest_posts_latest_first"),
    ]

    operations = [migrations.RunSQL([NOTE_EVERY_POST], [NOTE_PUBLISHED_POSTS])]
