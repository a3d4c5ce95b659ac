"""The view `moderation_case`: reported targets with their severity."""

from django.db import migrations, models

CREATE = """
CREATE VIEW moderation_case AS
WITH weight (category, weight) AS (
    VALUES ('self_harm', 10), ('illegal', 9), ('violence', 8), ('hate', 7), ('harassment', 6), ('nudity', 5),
           ('impersonation', 4), ('intellectual_property', 3), ('spam', 2), ('other', 1)
),
reporter AS (
    SELECT reporting.reporter_id, earlier.reliability
    FROM (SELECT DISTINCT reporter_id FROM moderation_flag WHERE status = 'open') AS reporting, LATERAL (
        SELECT (count(*) FILTER (WHERE status = 'resolved') + 1.0) / (count(*) + 2) AS reliability
        FROM moderation_flag WHERE reporter_id = reporting.reporter_id AND status <> 'open'
    ) AS earlier
),
reported AS (
    SELECT target_type, target_id, (array_agg(subject_id))[1] AS subject_id,
           (array_agg(id ORDER BY id))[1] AS first_flag_id,
           (array_agg(category ORDER BY weight DESC, id))[1] AS category, max(weight) AS weight,
           count(*) AS reporters, sum(coalesce(reliability, 0.5)) AS believed
    FROM moderation_flag JOIN weight USING (category) LEFT JOIN reporter USING (reporter_id)
    WHERE status = 'open'
    GROUP BY target_type, target_id
)
SELECT reported.first_flag_id, reported.target_type, reported.target_id, reported.subject_id, reported.category,
       reported.reporters,
       round(weight * believed * (1 + log((1 + subject.follower_count
           + coalesce(post.like_count, comment.like_count, 0))::numeric)), 4) AS severity
FROM reported
JOIN accounts_user subject ON subject.id = reported.subject_id
LEFT JOIN content_post post ON reported.target_type = 'post' AND post.id = reported.target_id
LEFT JOIN engagement_comment comment ON reported.target_type = 'comment' AND comment.id = reported.target_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("moderation", "0012_leased_jobs"),
        ("accounts", "0001_initial"),
        ("content", "0001_initial"),
        ("engagement", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(CREATE, "DROP VIEW moderation_case"),
        migrations.CreateModel(
            name="OpenCase",
            fields=[
                ("first_flag_id", models.UUIDField(primary_key=True, serialize=False)),
                ("target_type", models.CharField(choices=[("user", "User"), ("post", "Post"), ("comment", "Comment")], max_length=10)),
                ("target_id", models.UUIDField()),
                ("subject", models.ForeignKey(on_delete=models.DO_NOTHING, related_name="+", to="accounts.user")),
                ("category", models.CharField(choices=[("spam", "Spam"), ("nudity", "Nudity"), ("violence", "Violence"), ("hate", "Hate"), ("harassment", "Harassment"), ("self_harm", "Self Harm"), ("illegal", "Illegal"), ("intellectual_property", "Intellectual Property"), ("impersonation", "Impersonation"), ("other", "Other")], max_length=30)),
                ("reporters", models.IntegerField()),
                ("severity", models.DecimalField(decimal_places=4, max_digits=20)),
            ],
            options={"db_table": "moderation_case", "managed": False},
        ),
    ]
