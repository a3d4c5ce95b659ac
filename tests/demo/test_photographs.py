"""The demo world's photographs."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from demo import photographs
from demo.plan import SIZES, small, town


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


@pytest.mark.parametrize("scene", photographs.SCENES)
def test_every_scene_is_a_photograph_with_light_and_shade(scene: str) -> None:
    image = opened(photographs.take(scene, seed=3, longest=480).jpeg).convert("L")
    shades = np.asarray(image, np.float32)
    assert shades.std() > 12
    # Neither blown out nor drowned over most of the frame.
    assert ((shades > 5) & (shades < 250)).mean() > 0.55


def test_the_same_seed_takes_the_same_photograph() -> None:
    assert photographs.take("sea", 5, longest=480) == photographs.take("sea", 5, longest=480)
    assert photographs.take("sea", 5, longest=480) != photographs.take("sea", 6, longest=480)


def test_files_are_of_the_size_that_cameras_make() -> None:
    for seed in range(3):
        taken = photographs.take("shore", seed)
        assert 1600 <= max(taken.width, taken.height) <= 2400


def test_a_photograph_knows_its_camera_and_its_place() -> None:
    exif = opened(photographs.take("coffee", 1, longest=480).jpeg).getexif()
    assert exif[ExifTags.Base.Model]
    assert set(exif.get_ifd(ExifTags.IFD.GPSInfo)) >= {ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLongitude}


def test_one_that_lies_on_its_side_says_so() -> None:
    taken = photographs.take("skyline", 1, longest=480, on_its_side=True)
    image = opened(taken.jpeg)
    assert image.size == (taken.height, taken.width)
    assert image.getexif()[ExifTags.Base.Orientation] == photographs.ROTATED_90
    upright = ImageOps.exif_transpose(image)
    assert upright.size == (taken.width, taken.height)
    standing = opened(photographs.take("skyline", 1, longest=480, on_its_side=False).jpeg)
    difference = np.asarray(upright, np.int16) - np.asarray(standing, np.int16)
    assert np.abs(difference).mean() < 6


# ── The plan ─────────────────────────────────────────────────────────────────────────────────────────────
def test_the_small_world_is_a_dozen_people_and_forty_photographs() -> None:
    plan = small(seed=1)
    assert len(plan.people) == 12
    assert sum(len(post.shots) for post in plan.posts) == 40
    assert len({(post.author, post.caption) for post in plan.posts}) == len(plan.posts)


def test_the_medium_world_is_three_hundred_people_and_1500_posts() -> None:
    cast, rest = small(seed=1), town(1, SIZES["medium"])
    assert len(cast.people) + len(rest.people) == 300
    assert len(cast.posts) + len(rest.posts) == 1500
    assert len({shot for plan in (cast, rest) for post in plan.posts for shot in post.shots}) == 120
    assert len({person.handle for plan in (cast, rest) for person in plan.people}) == 300
    assert len(rest.likes) > 2000


def test_followers_fall_off_by_a_power_law() -> None:
    followers: dict[str, int] = {}
    for tie in town(1, SIZES["medium"]).ties:
        followers[tie.followed] = followers.get(tie.followed, 0) + 1
    ranked = sorted(followers.values(), reverse=True)
    assert sum(ranked[:30]) > 3 * sum(ranked[-100:])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_the_seed_bob_follows_alice_and_two_wait_for_carol(seed: int) -> None:
    plan = small(seed)
    ties = {(tie.follower, tie.followed): tie.accepted for tie in plan.ties}
    assert ties["bob", "alice"]
    assert [pair for pair, accepted in ties.items() if not accepted] == [("marisol", "carol"), ("emre_k", "carol")]
    assert len(ties) == len(plan.ties)
    assert small(seed) == plan


def test_only_those_who_may_see_a_post_react_to_it() -> None:
    plan = small(seed=1)
    ties = {(tie.follower, tie.followed) for tie in plan.ties if tie.accepted}
    reactions = plan.likes + [(remark.post, remark.author) for remark in plan.remarks]
    for number, handle in reactions:
        author = plan.posts[number].author
        assert handle == author or (handle, author) in ties
