"""Reasons to start from. They are the operator's to change, so that going back leaves what has been changed."""

from typing import Any

from django.db import migrations

# (action, category, title, text)
TEMPLATES = [
    ("take_down", "spam", "Spam or scam", "It advertises, or leads to, something that it does not say it is, or is posted over and over."),
    ("take_down", "nudity", "Nudity or sexual content", "It shows nudity or sexual acts, which our rules do not allow."),
    ("take_down", "violence", "Violence or threats", "It threatens somebody, or praises violence against people or animals."),
    ("take_down", "hate", "Hatred against people for what they are", "It attacks people for their origin, religion, sex, orientation, gender or disability."),
    ("take_down", "harassment", "Harassment of a person", "It insults or exposes a person, or calls on others to do so."),
    ("take_down", "self_harm", "Encourages self-harm", "It shows or encourages self-harm, suicide or an eating disorder."),
    ("take_down", "intellectual_property", "Somebody else's work", "Whoever holds the rights to it has told us that it was posted without their leave."),
    ("take_down", "illegal", "Against the law", "We hold it to be illegal content."),
    ("suspend", "spam", "An account for spam", "The account posts little else than advertising or scams."),
    ("suspend", "harassment", "Harasses again after a takedown", "The account goes on harassing others after we had taken such content down."),
    ("suspend", "impersonation", "Passes itself off as somebody else", "The account pretends to be another person or organisation."),
    ("suspend", "illegal", "Serious illegal content", "The account has spread content that we hold to be seriously illegal."),
    ("dismiss", "", "Within the rules", "We have looked at it and find nothing that breaks our rules."),
    ("dismiss", "", "A matter of taste", "It may not be to everybody's liking, but our rules allow it."),
    ("dismiss", "", "Reported in bad faith", "The report says nothing true of it."),
    ("resolve", "", "Dealt with already", "Something has been done about it already."),
    ("resolve", "", "Gone by itself", "Its author has removed or changed it."),
]


def make_templates(apps: Any, schema_editor: Any) -> None:
    templates = apps.get_model("moderation", "ReasonTemplate").objects
    for action, category, title, text in TEMPLATES:
        templates.get_or_create(action=action, title=title, defaults={"category": category, "text": text})


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0007_indexes_of_the_queue'),
    ]

    operations = [
        migrations.RunPython(make_templates, migrations.RunPython.noop),
    ]
