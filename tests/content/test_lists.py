"""An author's posts and a tag's posts: what they cost and what they find."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services
from apps.content.api.serializers import serialize_posts
from apps.content.models import Mention, Post, PostTag, Tag
from apps.core.db.ids import new_id
from apps.engagement.models import Like, Save
from tests.factories import BlockFactory, MediaFactory, PostFactory, UserFactory, many
from tests.plans import analyze, explain, indexes_used, nodes, rows_read

pytestmark = pytest.mark.django_db


def posted(author, caption, **fields):
    return services.create_post(
        author_id=author.pk, media_ids=[MediaFactory(owner=author).pk], caption=caption, **fields
    )


def found(caller, path):
    answer = caller.get(path)
    assert answer.status_code == 200, answer.content
    return [post["id"] for post in answer.json()["results"]]


class TestTagPath:
    @pytest.mark.parametrize("spelled", ["café", "CAFÉ", "cafe\u0301", "%23café", "caf%C3%A9"])
    def test_tag_in_a_path_is_normalised_like_in_captions(self, anonymous, alice, spelled):
        post = posted(alice, "#Café")
        assert found(anonymous, f"/tags/{spelled}/posts") == [str(post.pk)]

    @pytest.mark.promise("I2")
    @pytest.mark.parametrize(
        "spelled", ["unknown", "2026", "a b", "%00", "%FF", "%23", "x" * 5000, "a'--", "%ED%A0%80", "..."]
    )
    def test_unused_or_invalid_tag_has_no_posts(self, anonymous, alice, spelled):
        posted(alice, "#husum")
        assert found(anonymous, f"/tags/{spelled}/posts") == []


class TestP6VisibilityIsReadWhenAnswering:
    @pytest.mark.promise("P6")
    def test_hidden_post_leaves_its_tags_on_the_next_request(self, anonymous, api, alice, bob):
        narrowed, taken_down, kept = (posted(alice, "#husum") for _ in range(3))
        assert len(found(anonymous, "/tags/husum/posts")) == 3
        api(alice).patch(f"/posts/{narrowed.pk}", {"visibility": "followers"})
        services.take_down(taken_down)
        assert found(anonymous, "/tags/husum/posts") == [str(kept.pk)]
        assert found(api(bob), "/tags/husum/posts") == [str(kept.pk), str(narrowed.pk)]

    @pytest.mark.promise("P6")
    def test_edited_caption_changes_the_tags(self, anonymous, api, alice):
        post = posted(alice, "#old")
        api(alice).patch(f"/posts/{post.pk}", {"caption": "#new"})
        assert found(anonymous, "/tags/old/posts") == []
        assert found(anonymous, "/tags/new/posts") == [str(post.pk)]

    @pytest.mark.promise("P2")
    def test_posts_of_a_suspended_author_are_hidden_until_unsuspended(self, anonymous, alice):
        post = posted(alice, "#husum")
        accounts.suspend(alice, reason="spam")
        assert found(anonymous, "/tags/husum/posts") == []
        accounts.unsuspend(alice)
        assert found(anonymous, "/tags/husum/posts") == [str(post.pk)]

    @pytest.mark.promise("P5")
    def test_block_in_either_direction_hides_posts_in_tag_lists(self, api, alice, carol, mallory):
        mine, theirs = posted(alice, "#husum"), posted(mallory, "#husum")
        assert found(api(mallory), "/tags/husum/posts") == [str(theirs.pk)]
        assert found(api(alice), "/tags/husum/posts") == [str(mine.pk)]
        assert found(api(carol), "/tags/husum/posts") == [str(theirs.pk), str(mine.pk)]


class TestMentions:
    def mentioned(self, caller, post):
        return [mention["handle"] for mention in caller.get(f"/posts/{post.pk}").json()["mentions"]]

    def test_mentions_are_of_active_users_without_blocks(self, api, alice, bob, mallory):
        gone = UserFactory(handle="gone")
        accounts.suspend(gone, reason="spam")
        post = posted(alice, "@bob @mallory @gone @nobody @Bob")
        assert list(Mention.objects.filter(post=post).values_list("user__handle", "offset").order_by("offset")) == [
            ("bob", 0),
            ("bob", 28),
        ]

    @pytest.mark.promise("P5")
    def test_mention_is_hidden_after_a_block_or_deletion(self, api, anonymous, alice, bob, carol):
        post = posted(alice, "@bob @carol")
        assert self.mentioned(anonymous, post) == ["bob", "carol"]
        BlockFactory(blocker=carol, blocked=bob)
        assert self.mentioned(api(carol), post) == ["carol"]
        assert self.mentioned(api(bob), post) == ["bob"]
        accounts.suspend(carol, reason="spam")
        assert self.mentioned(anonymous, post) == ["bob"]

    @pytest.mark.promise("P5")
    def test_mention_does_not_make_a_post_visible(self, api, alice, carol):
        post = posted(alice, "@carol", visibility="followers")
        assert api(carol).get(f"/posts/{post.pk}").status_code == 404


class TestCost:
    def test_a_page_of_posts_takes_one_query(self, alice, bob, carol, django_assert_num_queries):
        posts = [posted(alice, f"#t{n} #common @bob @carol") for n in range(12)]
        Like.objects.create(post=posts[0], user=carol)
        Save.objects.create(post=posts[1], user=carol)
        for some in (posts[:2], posts):
            with django_assert_num_queries(1):
                shown = serialize_posts([post.pk for post in some], carol.pk)
        assert [card["viewer"] for card in shown[:3]] == [
            {"liked": True, "saved": False},
            {"liked": False, "saved": True},
            {"liked": False, "saved": False},
        ]
        assert shown[0]["tags"] == ["t0", "common"]
        assert [m["handle"] for m in shown[0]["mentions"]] == ["bob", "carol"]

    @pytest.mark.parametrize("path", ["/users/@alice/posts", "/tags/common/posts"])
    def test_a_page_of_mentions_costs_the_same_for_any_limit(self, api, alice, bob, carol, path):
        for n in range(12):
            posted(alice, f"#t{n} #common @bob @carol")
        caller = api(carol)
        caller.get(path)
        spent = []
        for limit in (2, 12):
            with CaptureQueriesContext(connection) as queries:
                assert len(caller.get(f"{path}?limit={limit}").json()["results"]) == limit
            spent.append(len(queries))
        assert spent[0] == spent[1] <= 10


class TestIndexes:
    DEPTHS = (0, 1000, 2000)

    @pytest.fixture
    def many(self, alice):
        """One tag is on every post, five hundred are on a few each."""
        authors = [alice, *many(User(handle=f"a{n}", email=f"{n}@x.org") for n in range(99))]
        posts = many(Post(id=new_id(), author=authors[n % 100], status="published") for n in range(3000))
        tags = many(Tag(name=name) for name in ("common", *(f"rare{n}" for n in range(500))))
        many(PostTag(post=post, tag=tags[0], position=0) for post in posts)
        many(PostTag(post=post, tag=tags[1 + n % 500], position=1) for n, post in enumerate(posts))
        analyze("content_post", "content_posttag", "content_tag", "accounts_user")
        return posts

    @staticmethod
    def page(shown, before):
        return (shown.filter(pk__lt=before) if before else shown).order_by("-id")[:21]

    @staticmethod
    def costs_more_with_every_post(node):
        """Of the tables that grow here: the hundred people are read either way, as the planner likes."""
        return node["Node Type"] == "Sort" or (
            node["Node Type"] == "Seq Scan"
            and node["Relation Name"] in {"content_post", "content_posttag", "content_tag"}
        )

    @pytest.mark.slow
    def test_deep_page_of_a_tag_costs_as_much_as_the_first(self, many, carol):
        for viewer in (None, carol.pk):
            shown = Post.objects.visible_to(viewer).published()
            for depth in self.DEPTHS:
                before = many[-depth].pk if depth else None
                plan = explain(self.page(shown.tagged("common", before=before), before))
                assert "one_tag_per_post" in indexes_used(plan)
                assert not [node for node in nodes(plan) if self.costs_more_with_every_post(node)], plan
                assert 21 <= rows_read(plan) <= 60
            assert rows_read(explain(self.page(shown.tagged("rare7"), None))) < 200, "the common tag's posts are read"

    @pytest.mark.slow
    def test_deep_page_of_an_author_costs_as_much_as_the_first(self, many, alice, carol):
        shown = Post.objects.visible_to(carol.pk).written_by(alice.pk)
        for depth in self.DEPTHS:
            plan = explain(self.page(shown, many[-depth].pk if depth else None))
            assert indexes_used(plan) & {"posts_by_author", "shown_posts_by_author"}
            assert rows_read(plan) <= 60

    def test_sweep_for_lost_tasks_reads_processing_posts_only(self, many, alice):
        PostFactory(author=alice, status="processing")
        analyze("content_post")
        plan = explain(Post.objects.filter(status="processing").order_by("pk")[:500])
        assert indexes_used(plan) == {"posts_processing"}
