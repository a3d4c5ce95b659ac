"""Every page of moderation, wide and narrow, light and dark: nothing breaks out, and axe-core finds no serious fault.

In CI each width and each scheme is looked at once. `make screenshots` names a folder in SCREENSHOTS: then all four
looks are, and kept there.
"""

import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Application, User
from apps.content import services as content
from apps.media.models import Media
from apps.moderation.cases import proposals
from apps.moderation.models import Flag, ModerationAction, SuspensionProposal, TargetType
from apps.safety.models import BlockedTerm
from apps.social import services as social
from demo import photo_uploads, reports
from demo.plan import PlannedPhoto
from tests.console.browser.axe import faults
from tests.console.browser.conftest import NARROW, WIDE
from tests.factories import UserFactory
from tests.moderation.people import make_moderator
from tests.moderation.queue.helpers import case_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LOOKS = {
    "wide-light": (WIDE, "light"),
    "wide-dark": (WIDE, "dark"),
    "narrow-light": (NARROW, "light"),
    "narrow-dark": (NARROW, "dark"),
}
SCENES = ["mountains", "lake", "sea", "dunes", "forest", "aurora", "field", "milky_way"]
CAPTIONS = ["First light.", "Still.", "High water.", "Two hours uphill.", "Ferns.", "69° N.", "Rows.", "New moon."]


@pytest.fixture
def world():
    """People, photographs from the pipeline, reports, a wave of spam, an appeal, an application, and a month of
    decisions."""
    people = [UserFactory(handle=handle) for handle in ("ada", "bruno", "chiara", "daria", "emil", "fiona", "greta")]
    shots = [PlannedPhoto(scene, number, 480) for number, scene in enumerate(SCENES)]
    for number, (shot, photograph) in enumerate(zip(shots, photo_uploads.render(shots), strict=True)):
        author = people[number % len(people)]
        medium = photo_uploads.upload(photograph, shot, author.pk)
        content.create_post(author_id=author.pk, media_ids=[medium.pk], caption=CAPTIONS[number])
        social.follow(author.pk, by=people[(number + 1) % len(people)].pk)
    moderators = [make_moderator("mod"), make_moderator("senior", "senior_moderator")]
    reports.create(np.random.default_rng(1), moderators=moderators, past=90)
    BlockedTerm.objects.create(
        kind="word", text="watches", comparable="watches", effect="flag", reason="The wave of November."
    )
    applicant = UserFactory(handle="helga", state="pending", erase_after=timezone.now() + timedelta(days=30))
    Application.objects.create(user=applicant, reason="I photograph lighthouses.")
    proposals.propose(people[1], by=moderators[0], reason="Nothing but insults.", category="harassment")
    return moderators[1]


def pages():
    """What is looked at: a name for the picture, and where it is."""
    photo = Flag.objects.filter(status="open", target_type=TargetType.POST).order_by("id")[0]
    spam = Flag.objects.filter(status="open", target_type=TargetType.COMMENT).order_by("id")[0]
    spammer = User.objects.get(handle=reports.SPAMMER)
    taken, warning = (ModerationAction.objects.get(action=action) for action in ("takedown", "warn"))
    case = reverse("admin:moderation_flag_case", args=["post", photo.target_id])
    ban = reverse("admin:safety_blockedimage_new")
    return {
        "start": reverse("admin:index"),
        "queue": reverse("admin:moderation_flag_queue"),
        "case-of-a-photograph": case,
        "decide": f"{case}?act=take_down",
        "case-of-a-comment": reverse("admin:moderation_flag_case", args=["comment", spam.target_id]),
        "case-of-a-person": case_of(spammer),
        "author": reverse("admin:moderation_flag_author", args=[spammer.pk]),
        "undo": reverse("admin:moderation_moderationaction_undo", args=[taken.pk]),
        "appeals": reverse("admin:moderation_appeals"),
        "person": reverse("admin:moderation_person", args=[photo.subject_id]),
        "post": reverse("admin:moderation_post", args=[photo.target_id]),
        "search": reverse("admin:moderation_search") + "?q=ada",
        "audit": reverse("admin:moderation_audit"),
        "dashboard": reverse("admin:moderation_dashboard"),
        "workload": reverse("admin:moderation_workload"),
        "transparency": reverse("admin:moderation_transparency"),
        "reason-templates": reverse("admin:moderation_reasontemplate_changelist"),
        "blocked-terms": reverse("admin:safety_blockedterm_changelist"),
        "blocked-images": reverse("admin:safety_blockedimage_changelist"),
        "new-account-limits": reverse("admin:safety_newaccountlimit_changelist"),
        "block-a-word": reverse("admin:safety_blockedterm_new"),
        "ban-a-picture": f"{ban}?medium={Media.objects.filter(item__post=taken.target_id).first().pk}",
        "proposed-suspension": case_of(SuspensionProposal.objects.get().person),
        "private": reverse("admin:accounts_user_private", args=[photo.subject_id]),
        "security-events": reverse("admin:accounts_user_security_events", args=[photo.subject_id]),
        "mark-sensitive": f"{case}?act=mark_sensitive",
        "undo-a-warning": reverse("admin:moderation_moderationaction_undo", args=[warning.pk]),
        "applications": reverse("admin:moderation_applications"),
        "application": reverse("admin:moderation_application", args=[Application.objects.get().pk]),
        "tags": reverse("admin:moderation_tags"),
        "digest": reverse("admin:moderation_digest"),
        "two-factor": reverse("console_two_factor"),
        "people": reverse("admin:accounts_user_changelist"),
        "row-of-a-person": reverse("admin:accounts_user_change", args=[photo.subject_id]),
        "photos": reverse("admin:media_media_changelist"),
        "sessions": reverse("admin:accounts_session_changelist"),
    }


def sign_in(window):
    window.context.clear_cookies()
    window.goto(reverse("admin:index"))
    window.get_by_label("Password").wait_for()


def preview(window):
    """Of what a takedown would do."""
    window.goto(pages()["decide"])
    window.get_by_label("Reason", exact=True).fill("It shows what nobody wants to see.")
    window.keyboard.press("Control+Enter")
    window.get_by_role("heading", name="Effect").wait_for()


def sweep(window):
    """What a bulk act would hit."""
    window.goto(pages()["author"])
    window.get_by_role("button", name="Take down").click()
    window.get_by_label("Reason template").wait_for()


def undo_preview(window):
    window.goto(pages()["undo"])
    window.get_by_label("Reason", exact=True).fill("A mistake.")
    window.get_by_role("button", name="Preview").click()
    window.get_by_role("heading", name="Effect").wait_for()


def keys(window):
    window.goto(pages()["queue"])
    window.get_by_role("button", name="Keys").click()
    window.get_by_role("heading", name="Keys").wait_for()


# Pages that are the result of an action; signing in comes last, since it has to sign out.
WAYS = {"preview": preview, "sweep": sweep, "undo-preview": undo_preview, "keys": keys, "sign-in": sign_in}


def rows():
    """The list of every model of the console, and the page of its newest row."""
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        yield f"list-{name}", reverse(f"admin:{name}_changelist")
        if newest := model._default_manager.order_by("-pk").first():
            yield f"row-{name}", reverse(f"admin:{name}_change", args=[newest.pk])


FOLDER = os.environ.get("SCREENSHOTS")


def look_at(window, name, look):
    """What is wrong with the page in the window, by name and look; where a folder is named, a picture of it is kept."""
    if FOLDER:
        window.screenshot(path=Path(FOLDER) / f"{name}-{look}.jpg", full_page=True, type="jpeg", quality=75)
    wrong = faults(window)
    if window.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        wrong.append("wider than the window")
    return {f"{name}, {look}": wrong} if wrong else {}


def look_through(console, person, paths, looks):
    """The window of each look, and what is wrong with the pages."""
    # Pictures below the fold come late; faults are found without them.
    loaded = "networkidle" if FOLDER else "load"
    for look in looks:
        size, scheme = LOOKS[look]
        window, found = console.open(person, size=size, scheme=scheme), {}
        for name, path in paths.items():
            assert window.goto(path, wait_until=loaded).status == 200, path
            found |= look_at(window, name, look)
        yield look, window, found


def test_every_page_fits_the_window_and_is_accessible(console, world):
    for look, window, found in look_through(
        console, world, pages(), LOOKS if FOLDER else ("wide-light", "narrow-dark")
    ):
        for name, way in WAYS.items():
            way(window)
            found |= look_at(window, name, look)
        assert found == {}


@pytest.mark.usefixtures("world")
def test_lists_and_rows_of_every_model_fit_and_are_accessible(console):
    make_moderator("root", "admin")
    root = User.objects.get(handle="root")
    for _, _, found in look_through(console, root, dict(rows()), LOOKS if FOLDER else ("narrow-light",)):
        assert found == {}
