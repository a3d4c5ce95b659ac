"""Fields that follow from other rows, found wrong and put right."""

import pytest
from django.utils import timezone

from apps.accounts import repair as accounts
from apps.accounts import services
from apps.accounts.models import User
from apps.content import captions, repair, tagging
from apps.content import tasks as content_tasks
from apps.content.models import Post, PostTag, StaleExposure
from apps.core.db.batches import BatchRunner
from apps.core.db.counters import Drift
from apps.media.models import Media, PendingDeletion
from tests.factories import MediaFactory, PostFactory

pytestmark = pytest.mark.django_db


def found(*, only="", dry_run=False):
    return list(repair.wrong_fields(BatchRunner(), only=only, dry_run=dry_run))


def shown(post):
    """The post's photo, with public copies, as it should be of a public post."""
    medium = post.media.get()
    Media.objects.filter(pk=medium.pk).update(wanted_public=True, public_secret=f"public{medium.pk.hex}"[:60])
    medium.refresh_from_db()
    return medium


@pytest.fixture
def post(alice):
    """A public post with everything in order."""
    post = PostFactory(author=alice, caption="#Light and #shadow")
    tagging.replace_tags(post, captions.tags_in(post.caption))
    shown(post)
    return post


def test_correct_fields_are_not_changed(post, alice):
    MediaFactory(owner=alice)
    MediaFactory(owner=alice, status="pending")
    hidden = PostFactory(author=alice, visibility="followers")
    assert found() == []
    assert not hidden.media.get().wanted_public
    assert repair.repair_fields() == 0


class TestUse:
    def test_unused_medium_is_released_and_hidden(self, alice):
        lost = MediaFactory(owner=alice, in_use=True, wanted_public=True, public_secret="p")
        assert found() == [Drift("media.in_use", lost.pk, True, False)]
        lost.refresh_from_db()
        assert (lost.in_use, lost.wanted_public) == (False, False)
        assert PendingDeletion.objects.filter(key__startswith="p/").count() == len(lost.variants)
        assert found() == []

    def test_medium_of_a_post_is_in_use(self, post):
        medium = post.media.get()
        Media.objects.update(in_use=False)
        assert found() == [Drift("media.in_use", medium.pk, False, True)]
        assert Media.objects.get().in_use

    def test_avatar_is_in_use(self, alice):
        User.objects.filter(pk=alice.pk).update(avatar=MediaFactory(owner=alice, wanted_public=True))
        assert [finding.field for finding in found()] == ["media.in_use"]
        assert Media.objects.get().in_use

    def test_field_corrected_meanwhile_is_not_changed(self, post):
        assert not repair._correct_use(post.media.get().pk)


class TestPublicCopies:
    @pytest.mark.parametrize(
        "hide",
        [
            lambda post: Post.objects.update(visibility="followers"),
            lambda post: Post.objects.update(taken_down_at=timezone.now()),
            lambda post: User.objects.update(is_private=True),
            lambda post: User.objects.update(state="suspended"),
        ],
        ids=["for followers", "taken down", "private", "suspended"],
    )
    def test_photo_that_is_not_public_loses_its_public_copies(self, post, hide):
        hide(post)
        medium = post.media.get()
        assert found() == [Drift("media.wanted_public", medium.pk, True, False)]
        medium.refresh_from_db()
        assert (medium.wanted_public, medium.public_secret) == (False, "")
        assert PendingDeletion.objects.exists()
        assert found() == []

    def test_public_photo_gets_public_copies(self, alice):
        medium = PostFactory(author=alice).media.get()
        assert found() == [Drift("media.wanted_public", medium.pk, False, True)]
        assert Media.objects.get().wanted_public

    def test_account_with_a_pending_change_is_skipped(self, post, alice):
        User.objects.update(is_private=True)
        StaleExposure.objects.create(author=alice, since=timezone.now())
        assert found() == []

    def test_post_that_is_about_to_be_published_is_skipped(self, alice):
        shown(PostFactory(author=alice, status="processing"))
        assert found() == []


class TestTags:
    def test_tags_are_those_of_the_caption(self, post):
        PostTag.objects.filter(post=post, tag__name="light").delete()
        assert found() == [Drift("post.tags", post.pk, ["shadow"], ["light", "shadow"])]
        names = PostTag.objects.filter(post=post).order_by("position").values_list("tag__name", flat=True)
        assert list(names) == ["light", "shadow"]
        assert found() == []

    def test_tag_that_is_not_in_the_caption_is_deleted(self, post, alice):
        PostTag.objects.create(post=PostFactory(author=alice, photos=0), tag=PostTag.objects.first().tag, position=0)
        assert [finding.true for finding in found()] == [[]]
        assert PostTag.objects.count() == 2


class TestAvatars:
    @pytest.fixture
    def avatar(self, alice):
        medium = MediaFactory(owner=alice, purpose="avatar")
        services.update_profile(alice, changes={"avatar_media_id": medium.pk})
        return Media.objects.filter(pk=medium.pk)

    @pytest.mark.parametrize(("state", "right"), [("active", True), ("suspended", False), ("leaving", False)])
    def test_avatars_of_active_users_are_public_and_others_are_not(self, alice, avatar, state, right):
        User.objects.update(state=state)
        avatar.update(wanted_public=not right)
        expected = [Drift("avatar.wanted_public", alice.pk, not right, right)]
        assert found(only="avatar.wanted_public", dry_run=True) == expected
        assert avatar.get().wanted_public is not right
        assert found(only="avatar.wanted_public") == expected
        assert avatar.get().wanted_public is right
        assert repair.repair_fields() == 0

    def test_field_corrected_meanwhile_is_not_changed(self, alice, avatar):
        assert not accounts._repair(alice.pk)


def test_dry_run_changes_nothing(post, alice):
    PostTag.objects.all().delete()
    Media.objects.update(in_use=False, wanted_public=False)
    Post.objects.update(marked_sensitive=True)
    MediaFactory(owner=alice, in_use=True)
    User.objects.update(avatar=MediaFactory(owner=alice, in_use=True))
    rows = [list(model.objects.order_by("pk").values()) for model in (Media, PostTag, Post, PendingDeletion)]
    assert {finding.field for finding in found(dry_run=True)} == set(repair.FIELDS)
    assert rows == [list(model.objects.order_by("pk").values()) for model in (Media, PostTag, Post, PendingDeletion)]


def test_interrupted_run_continues_from_its_checkpoint(alice):
    lost = sorted((MediaFactory(owner=alice, in_use=True) for _ in range(3)), key=lambda medium: medium.pk)
    runner = BatchRunner(rows_per_second=1, on_progress=lambda rows, place: runner.stop())
    assert [finding.pk for finding in repair.wrong_fields(runner)] == [lost[0].pk]
    rest = BatchRunner(checkpoint=runner.checkpoint)
    assert {finding.pk for finding in repair.wrong_fields(rest)} == {lost[1].pk, lost[2].pk}


def test_jobs_return_the_number_of_corrections(alice):
    MediaFactory(owner=alice, in_use=True)
    assert content_tasks.repair_fields() == 1
    assert content_tasks.repair_fields() == 0
