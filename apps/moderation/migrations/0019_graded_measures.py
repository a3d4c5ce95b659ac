"""Graded measures, team notes and digests."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now

import apps.core.db.ids

ACTIONS = [
    ("takedown", "Takedown"),
    ("restore", "Restoration"),
    ("suspend", "Suspension"),
    ("unsuspend", "End of suspension"),
    ("mark_sensitive", "Sensitive mark"),
    ("unmark_sensitive", "Removal of the sensitive mark"),
    ("limit_reach", "Limited reach"),
    ("restore_reach", "Restored reach"),
    ("warn", "Warning"),
    ("withdraw_warning", "Withdrawn warning"),
    ("resolve_flag", "Report resolved"),
    ("dismiss_flag", "Report dismissed"),
    ("uphold_appeal", "Appeal upheld"),
    ("overturn_appeal", "Appeal overturned"),
]
DECISIONS = [
    ("take_down", "Take down"),
    ("mark_sensitive", "Mark as sensitive"),
    ("limit_post", "Limit the post"),
    ("limit_account", "Limit the account"),
    ("warn", "Warn"),
    ("suspend", "Suspend"),
    ("dismiss", "Dismiss"),
    ("resolve", "Close as resolved"),
]
# (action, category, title, text)
TEMPLATES = [
    ("mark_sensitive", "nudity", "Nudity that is not sexual", "It shows a naked body. Readers can choose whether to see it."),
    ("mark_sensitive", "violence", "Disturbing content", "It shows injury or violence that some readers find disturbing."),
    ("limit_post", "spam", "Advertising", "It is mostly advertising. It is not recommended to users who do not follow you."),
    ("limit_post", "other", "Misleading tags", "Its hashtags have nothing to do with its content."),
    ("limit_account", "spam", "Repetitive posts", "The account posts the same content again and again."),
    ("limit_account", "harassment", "Unwanted mentions", "The account mentions many users who do not want it."),
    ("warn", "harassment", "Tone", "Please respect other users: insults break our rules. We may suspend the account if it happens again."),
    ("warn", "spam", "Advertising", "Please do not advertise in comments. We may suspend the account if it happens again."),
]


def make_templates(apps: Any, schema_editor: Any) -> None:
    templates = apps.get_model("moderation", "ReasonTemplate").objects
    for action, category, title, text in TEMPLATES:
        templates.get_or_create(action=action, title=title, defaults={"category": category, "text": text})


def delete_templates(apps: Any, schema_editor: Any) -> None:
    """The former release does not know these decisions."""
    apps.get_model("moderation", "ReasonTemplate").objects.filter(action__in={row[0] for row in TEMPLATES}).delete()


class ReplaceConstraint(migrations.RemoveConstraint):
    """Removes a constraint of an append-only table. Backwards it is not validated: later actions stay in the audit."""

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.models[app_label, self.model_name_lower]
        former = AddConstraintNotValid(self.model_name, model.get_constraint_by_name(self.name))
        former.database_forwards(app_label, schema_editor, from_state, to_state)


LONGER_ACTION = migrations.AlterField(
    "reasontemplate", "action", models.CharField(choices=DECISIONS, max_length=20)
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_reach"),
        ("content", "0006_reach_and_tags"),
        ("moderation", "0018_reporters"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Digest",
            fields=[
                (
                    "moderator",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "frequency",
                    models.CharField(
                        choices=[
                            ("never", "In the console only"),
                            ("immediately", "Mail at once"),
                            ("hourly", "Mail once an hour"),
                            ("daily", "Mail once a day"),
                        ],
                        default="never",
                        max_length=20,
                    ),
                ),
                ("reports", models.BooleanField(default=True)),
                ("appeals", models.BooleanField(default=True)),
                ("announced_until", models.DateTimeField()),
                ("next_attempt_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(frequency__in=["never", "immediately", "hourly", "daily"]),
                        name="digest_frequency_is_known",
                    )
                ],
                "indexes": [
                    models.Index(
                        condition=Q(next_attempt_at__isnull=False), fields=["next_attempt_at"], name="digests_to_attempt"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TeamNote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.core.db.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("text", models.CharField(max_length=2000)),
                ("created_at", models.DateTimeField(db_default=Now())),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["person", "-id"], name="team_notes_by_person")],
            },
        ),
        # Choices exist in Python only.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "moderationaction", "action", models.CharField(choices=ACTIONS, max_length=20)
                ),
            ]
        ),
        # A longer varchar changes the catalogue only: no row is read.
        migrations.SeparateDatabaseAndState(
            database_operations=[LONGER_ACTION],
            state_operations=[LONGER_ACTION],
        ),
        ReplaceConstraint("moderationaction", "action_is_known"),
        AddConstraintNotValid(
            "moderationaction",
            models.CheckConstraint(condition=Q(action__in=[name for name, _ in ACTIONS]), name="action_is_known"),
        ),
        migrations.RemoveConstraint("reasontemplate", "template_action_is_known"),
        AddConstraintNotValid(
            "reasontemplate",
            models.CheckConstraint(
                condition=Q(action__in=[name for name, _ in DECISIONS]), name="template_action_is_known"
            ),
        ),
        migrations.RunPython(make_templates, delete_templates),
    ]
