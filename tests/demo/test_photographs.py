"""The photographs of the demo data, and its plan."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from demo import photographs
from demo.plan import SIZES, generated, small


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


@pytest.mark.parametrize("scene", photographs.SCENES)
def test_scene_has_contrast_and_is_not_over_or_underexposed(scene: str) -> None:
    image = opened(photographs.take(scene, seed=3, longest=480).jpeg).convert("L")
    shades = np.asarray(image, np.float32)
    assert shades.std() > 12
    assert ((shades > 5) & (shades < 250)).mean() > 0.55


def test_same_seed_gives_the_same_photograph() -> None:
    assert photographs.take("sea", 5, longest=480) == photographs.take("sea", 5, longest=480)
    assert photographs.take("sea", 5, longest=480) != photographs.take("sea", 6, longest=480)


def test_file_has_the_size_of_a_camera_photo() -> None:
    for seed in range(3):
        photo = photographs.take("shore", seed)
        assert 1600 <= max(photo.width, photo.height) <= 2400


def test_exif_contains_camera_and_location() -> None:
    exif = opened(photographs.take("coffee", 1, longest=480).jpeg).getexif()
    assert exif[ExifTags.Base.Model]
    assert set(exif.get_ifd(ExifTags.IFD.GPSInfo)) >= {ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLongitude}


def test_rotated_photograph_has_an_exif_orientation() -> None:
    photo = photographs.take("skyline", 1, longest=480, rotated=True)
    image = opened(photo.jpeg)
    assert image.size == (photo.height, photo.width)
    assert image.getexif()[ExifTags.Base.Orientation] == photographs.ROTATED_90
    upright = ImageOps.exif_transpose(image)
    assert upright.size == (photo.width, photo.height)
    unrotated = opened(photographs.take("skyline", 1, longest=480, rotated=False).jpeg)
    difference = np.asarray(upright, np.int16) - np.asarray(unrotated, np.int16)
    assert np.abs(difference).mean() < 6


# ── The plan ─────────────────────────────────────────────────────────────────────────────────────────────
def test_small_plan_has_twelve_people_and_forty_photos() -> None:
    plan = small(seed=1)
    assert len(plan.people) == 12
    assert sum(len(post.photos) for post in plan.posts) == 40
    assert len({(post.author, post.caption) for post in plan.posts}) == len(plan.posts)


def test_medium_plan_has_300_people_and_1500_posts() -> None:
    cast, rest = small(seed=1), generated(1, SIZES["medium"])
    assert len(cast.people) + len(rest.people) == 300
    assert len(cast.posts) + len(rest.posts) == 1500
    assert len({photo for plan in (cast, rest) for post in plan.posts for photo in post.photos}) == 120
    assert len({person.handle for plan in (cast, rest) for person in plan.people}) == 300
    assert len(rest.likes) > 2000


def test_follower_counts_obey_a_power_law() -> None:
    followers: dict[str, int] = {}
    for follow in generated(1, SIZES["medium"]).follows:
        followers[follow.followed] = followers.get(follow.followed, 0) + 1
    ranked = sorted(followers.values(), reverse=True)
    assert sum(ranked[:30]) > 3 * sum(ranked[-100:])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bob_follows_alice_and_two_requests_wait_for_carol_with_any_seed(seed: int) -> None:
    plan = small(seed)
    follows = {(follow.follower, follow.followed): follow.accepted for follow in plan.follows}
    assert follows["bob", "alice"]
    assert [pair for pair, accepted in follows.items() if not accepted] == [("marisol", "carol"), ("emre_k", "carol")]
    assert len(follows) == len(plan.follows)
    assert small(seed) == plan


def test_only_the_author_and_followers_react_to_a_post() -> None:
    plan = small(seed=1)
    follows = {(follow.follower, follow.followed) for follow in plan.follows if follow.accepted}
    reactions = plan.likes + [(comment.post, comment.author) for comment in plan.comments]
    for number, handle in reactions:
        author = plan.posts[number].author
        assert handle == author or (handle, author) in follows
