"""What reporters learn about their reports, which outlive the account that they are about.

Each operation can be repeated, because those of a migration without a transaction are not undone together.
"""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

from apps.core.db.operations import BuildIndexConcurrently

CATEGORIES = [
    ("spam", "Spam"),
    ("nudity", "Nudity"),
    ("violence", "Violence"),
    ("hate", "Hate"),
    ("harassment", "Harassment"),
    ("self_harm", "Self Harm"),
    ("illegal", "Illegal"),
    ("intellectual_property", "Intellectual Property"),
    ("impersonation", "Impersonation"),
    ("other", "Other"),
]
COLUMNS = """
ALTER TABLE moderation_flag
    ADD COLUMN IF NOT EXISTS ground varchar(30) DEFAULT '' NOT NULL,
    ADD COLUMN IF NOT EXISTS explanation varchar(1000) DEFAULT '' NOT NULL,
    ALTER COLUMN subject_id DROP NOT NULL,
    ALTER COLUMN target_id DROP NOT NULL
"""
FORMER_COLUMNS = """
DELETE FROM moderation_flag WHERE subject_id IS NULL OR target_id IS NULL;
ALTER TABLE moderation_flag
    DROP COLUMN ground, DROP COLUMN explanation,
    ALTER COLUMN subject_id SET NOT NULL, ALTER COLUMN target_id SET NOT NULL
"""
CONSTRAINT = """
ALTER TABLE moderation_flag
    DROP CONSTRAINT IF EXISTS flag_is_open_or_resolved_at_a_time,
    ADD CONSTRAINT flag_is_open_or_resolved_at_a_time CHECK (
        (resolved_at IS NULL AND status = 'open')
        OR (resolved_at IS NOT NULL AND status IN ({statuses}))) NOT VALID
"""
# `obsolete` says nothing about the reliability of a reporter.
VIEW = """
CREATE OR REPLACE VIEW moderation_case AS
WITH weight (category, weight) AS (
    VALUES ('self_harm', 10), ('illegal', 9), ('violence', 8), ('hate', 7), ('harassment', 6), ('nudity', 5),
           ('impersonation', 4), ('intellectual_property', 3), ('spam', 2), ('other', 1)
),
reporter AS (
    SELECT reporting.reporter_id, earlier.reliability
    FROM (SELECT DISTINCT reporter_id FROM moderation_flag WHERE status = 'open') AS reporting, LATERAL (
        SELECT (count(*) FILTER (WHERE status = 'resolved') + 1.0) / (count(*) + 2) AS reliability
        FROM moderation_flag WHERE reporter_id = reporting.reporter_id AND status <> 'open'{counted}
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
    # Without long locks on a live table.
    atomic = False

    dependencies = [("moderation", "0017_audit_by_decision")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(COLUMNS, FORMER_COLUMNS)],
            state_operations=[
                migrations.AddField(
                    "flag",
                    "ground",
                    models.CharField(blank=True, choices=CATEGORIES, db_default="", default="", max_length=30),
                ),
                migrations.AddField(
                    "flag", "explanation", models.CharField(blank=True, db_default="", default="", max_length=1000)
                ),
                migrations.AlterField("flag", "target_id", models.UUIDField(null=True)),
                migrations.AlterField(
                    "flag",
                    "subject",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    "flag",
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("resolved", "Resolved"),
                            ("dismissed", "Dismissed"),
                            ("obsolete", "Obsolete"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    CONSTRAINT.format(statuses="'resolved', 'dismissed', 'obsolete'"),
                    "DELETE FROM moderation_flag WHERE status = 'obsolete';"
                    + CONSTRAINT.format(statuses="'resolved', 'dismissed'"),
                )
            ],
            state_operations=[
                migrations.RemoveConstraint("flag", "flag_is_open_or_resolved_at_a_time"),
                migrations.AddConstraint(
                    "flag",
                    models.CheckConstraint(
                        condition=models.Q(("resolved_at__isnull", True), ("status", "open"))
                        | models.Q(
                            ("resolved_at__isnull", False), ("status__in", ["resolved", "dismissed", "obsolete"])
                        ),
                        name="flag_is_open_or_resolved_at_a_time",
                    ),
                ),
            ],
        ),
        ValidateConstraint("flag", "flag_is_open_or_resolved_at_a_time"),
        migrations.RunSQL(VIEW.format(counted=" AND status <> 'obsolete'"), VIEW.format(counted="")),
        BuildIndexConcurrently(
            model_name="flag", index=models.Index(fields=["reporter", "-id"], name="flags_by_reporter")
        ),
    ]
