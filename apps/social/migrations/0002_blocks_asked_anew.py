"""`social_blocked_now(one, other)`: whether a block, either way, lies between two people at the moment of the call.

A statement sees what had been committed when it began. What it has waited for at a lock is seen only by another one, and
a volatile function is one: in the default isolation level each of its statements looks anew.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION social_blocked_now(one uuid, other uuid) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT EXISTS (
        SELECT 1 FROM social_block WHERE (blocker_id, blocked_id) IN ((one, other), (other, one))
    )
$$
"""


class Migration(migrations.Migration):
    dependencies = [("social", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION social_blocked_now(uuid, uuid)")]
