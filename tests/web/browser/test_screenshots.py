"""Six pages with photographs from the pipeline, as the README shows them: every photo in the window is displayed.

`make screenshots` names a folder in SCREENSHOTS, where the pictures are then kept.
"""

import os
from pathlib import Path

import pytest
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.engagement import comments, services
from apps.feed import explore
from apps.social import services as social
from demo import photo_uploads
from demo.plan import PlannedPhoto
from tests.factories import UserFactory
from tests.web.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
FOLDER = os.environ.get("SCREENSHOTS")
PEOPLE = {
    "alice": ("Alice Marlow", "mountains", "Mountains before breakfast. Film when I can, phone when I can’t."),
    "marisol": ("Marisol Vega", "dunes", "Sand in the shutter."),
    "hana": ("Hana Sato", "forest", "Trees, mostly."),
    "ingrid": ("Ingrid Solheim", "aurora", "69° north."),
    "sam": ("Sam Okafor", "shore", "Low tide."),
    "bob": ("Bob Ferreira", "skyline", "Coffee, cities, long way home."),
}
POSTS = [
    ("bob", ["coffee"], "Saturday, slowly. #coffee"),
    ("sam", ["shore"], "Low tide at #husum, and nobody there."),
    ("ingrid", ["aurora"], "Two hours of this, then clouds. #aurora"),
    ("hana", ["forest"], "The forest behind the house. #forest"),
    ("marisol", ["dunes", "sea"], "Sand in the shutter, again. With @alice. #desert"),
    ("alice", ["lake"], "Still. #lake"),
    ("alice", ["field"], "Rows and rows. #field"),
    ("alice", ["mountains", "clouds"], "First light on the ridge, @bob! #mountains #firstlight"),
]
# name → (path, size, scheme); {post} is the newest post
PAGES = {
    "feed": ("/", DESKTOP, "light"),
    "post": ("{post}", DESKTOP, "dark"),
    "profile": ("/@alice", DESKTOP, "light"),
    "feed-phone": ("/", PHONE, "dark"),
    "explore-phone": ("/explore", PHONE, "light"),
    "composer-phone": ("/new", PHONE, "light"),
}


@pytest.fixture
def world() -> dict[str, User]:
    people = {
        handle: UserFactory(handle=handle, display_name=name, bio=bio, email_verified_at=timezone.now())
        for handle, (name, _, bio) in PEOPLE.items()
    }
    avatars = [PlannedPhoto(scene, number, 320, square=True) for number, (_, scene, _) in enumerate(PEOPLE.values())]
    shots = [PlannedPhoto(scene, 60 + number, 1600) for number, (_, scenes, _) in enumerate(POSTS) for scene in scenes]
    files = photo_uploads.render([*avatars, *shots])
    for person, shot in zip(people.values(), avatars, strict=True):
        avatar = photo_uploads.upload(next(files), shot, person.pk)
        accounts.update_profile(person, changes={"avatar_media_id": avatar.pk})
    remaining = iter(shots)
    for handle, scenes, caption in POSTS:
        media = [photo_uploads.upload(next(files), next(remaining), people[handle].pk) for _ in scenes]
        content.create_post(author_id=people[handle].pk, media_ids=[each.pk for each in media], caption=caption)
    for person in people.values():
        for other in list(people.values())[:3]:
            if other != person:
                social.follow(other.pk, by=person.pk)
    return people


def test_pages_of_the_readme_show_their_photographs(site, world):
    newest = world["alice"].posts.latest("id")
    for person in world.values():
        services.like(newest.pk, by=person.pk)
    comments.comment(newest.pk, by=world["bob"].pk, text="Worth getting up for.")
    comments.comment(newest.pk, by=world["hana"].pk, text="That colour! Was it 5 a.m., @alice?")
    explore.keep_scores()
    for name, (path, size, scheme) in PAGES.items():
        page = site.open(world["bob"], size=size, scheme=scheme, storage=True, device_scale_factor=2)
        page.goto(path.format(post=f"/p/{newest.pk}"), wait_until="load")
        # Resolves when the photos in the window are loaded; a photo that cannot be displayed rejects it.
        shown = page.evaluate(
            """async () => {
              const isInWindow = ({ left, right, top, bottom }) =>
                right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
              const images = [...document.images].filter((image) => isInWindow(image.getBoundingClientRect()));
              await Promise.all(images.map((image) => image.decode()));
              return images.length;
            }"""
        )
        assert shown > 0
        if FOLDER:
            page.screenshot(path=Path(FOLDER) / f"web-{name}.jpg", type="jpeg", quality=80)
