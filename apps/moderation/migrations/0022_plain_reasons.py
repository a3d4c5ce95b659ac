"""Plain English in the standard reason templates that the operator has not changed."""

from typing import Any

from django.db import migrations

# {former text: present text}
TEXTS = {
    "It advertises, or leads to, something that it does not say it is, or is posted over and over.": (
        "It is a scam or misleading advertising, or it is posted again and again."
    ),
    "It threatens somebody, or praises violence against people or animals.": (
        "It threatens a person, or praises violence against people or animals."
    ),
    "Whoever holds the rights to it has told us that it was posted without their leave.": (
        "The owner of the rights has told us that it was posted without permission."
    ),
    "We hold it to be illegal content.": (
        "We consider it illegal content."
    ),
    "The account posts little else than advertising or scams.": (
        "Almost all posts of the account are advertising or scams."
    ),
    "The account goes on harassing others after we had taken such content down.": (
        "The account continues to harass others after we took down such content."
    ),
    "The account has spread content that we hold to be seriously illegal.": (
        "The account has posted content that we consider seriously illegal."
    ),
    "We have looked at it and find nothing that breaks our rules.": (
        "We have reviewed it and found nothing that breaks our rules."
    ),
    "It may not be to everybody's liking, but our rules allow it.": (
        "Some people may not like it, but our rules allow it."
    ),
    "The report says nothing true of it.": (
        "The report is not accurate."
    ),
    "Something has been done about it already.": (
        "We have already taken action."
    ),
}


def replace(apps: Any, texts: dict[str, str]) -> None:
    templates = apps.get_model("moderation", "ReasonTemplate").objects
    for before, after in texts.items():
        templates.filter(text=before).update(text=after)


def rewrite(apps: Any, schema_editor: Any) -> None:
    replace(apps, TEXTS)


def restore(apps: Any, schema_editor: Any) -> None:
    replace(apps, {after: before for before, after in TEXTS.items()})


class Migration(migrations.Migration):
    dependencies = [("moderation", "0021_rules")]

    operations = [migrations.RunPython(rewrite, restore)]
