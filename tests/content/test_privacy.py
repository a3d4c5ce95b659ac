"""Erasing a person's posts, and handing out what is held on them."""

import pytest

from apps.content import privacy, services
from apps.content.models import Mention, Post, StaleExposure
from apps.media.models import Media, PendingDeletion
from tests.factories import BlockFactory, MediaFactory, PostFactory

pytestmark = pytest.mark.django_db


def posted(author, caption, **fields):
    return services.create_post(
        author_id=author.pk, media_ids=[MediaFactory(owner=author).pk], caption=caption, **fields
    )


class TestErasing:
    @pytest.mark.promise("P10")
    def test_erasure_leaves_no_post_photo_or_mention(self, alice, bob):
        for status in ("published", "processing", "failed"):
            PostFactory(author=alice, photos=2, status=status)
        services.take_down(PostFactory(author=alice))
        theirs = posted(bob, "@alice and @bob")
        privacy.erase(alice.pk)
        assert list(Post.objects.all()) == [theirs]
        assert set(Media.objects.values_list("owner", flat=True)) == {bob.pk}
        assert PendingDeletion.objects.count() == 7 * 7
        assert list(Mention.objects.values_list("user", flat=True)) == [bob.pk]
        assert not StaleExposure.objects.exists()

    def test_interrupted_erasure_continues(self, alice, monkeypatch):
        posts = [PostFactory(author=alice) for _ in range(3)]
        delete_post = services.delete_post

        def delete_and_die(post):
            if post == posts[1]:
                raise ConnectionError
            delete_post(post)

        monkeypatch.setattr(services, "delete_post", delete_and_die)
        with pytest.raises(ConnectionError):
            privacy.erase(alice.pk)
        monkeypatch.undo()
        assert Post.objects.count() == 2
        privacy.erase(alice.pk)
        assert not Post.objects.exists()

    def test_erasure_tolerates_a_post_deleted_meanwhile(self, alice, monkeypatch):
        PostFactory(author=alice)
        delete_post = services.delete_post

        def delete_twice(post):
            delete_post(post)
            delete_post(post)

        monkeypatch.setattr(services, "delete_post", delete_twice)
        privacy.erase(alice.pk)
        assert not Post.objects.exists()


class TestExporting:
    @pytest.mark.promise("P10")
    def test_export_contains_exactly_the_own_posts(self, alice, bob, carol):
        mine = [posted(alice, "one #tag @bob"), PostFactory(author=alice, photos=2, status="failed")]
        services.take_down(mine[0])
        gone = posted(alice, "gone")
        services.delete_post(gone)
        posted(bob, "his own")
        told = [values for kind, values in privacy.export(alice.pk) if kind == "posts"]
        assert [row["id"] for row in told] == [str(post.pk) for post in mine]
        assert told[0]["caption"] == "one #tag @bob"
        assert told[0]["taken_down_at"] is not None
        assert told[1]["media"] == [str(item.medium_id) for item in mine[1].items.order_by("position")]

    @pytest.mark.promise("P10")
    def test_export_contains_visible_mentions_only(self, alice, bob, carol):
        seen = posted(alice, "@bob")
        posted(carol, "@bob", visibility="followers")
        blocked = posted(carol, "@bob")
        assert [v["post"] for k, v in privacy.export(bob.pk) if k == "mentions"] == [str(seen.pk), str(blocked.pk)]
        BlockFactory(blocker=bob, blocked=carol)
        assert list(privacy.export(bob.pk)) == [("mentions", {"post": str(seen.pk), "by": "alice"})]
