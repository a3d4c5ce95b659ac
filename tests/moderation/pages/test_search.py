"""The search page: by id, name, words and address, each by an index."""

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.engagement.comments import remove_comment
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.console import search as console
from apps.moderation.console.search import SearchResults, find_comments, find_posts
from apps.moderation.models import StaffAct
from tests.factories import CommentFactory, PostFactory, UserFactory, many
from tests.moderation.people import make_moderator, suspended, taken_down
from tests.plans import analyze, explain, indexes_used, nodes, rows_read

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:moderation_search")


def search(client, text):
    return client.get(PAGE, {"q": text})


def find(text) -> SearchResults:
    return console.find(text, reader_id=new_id())


class TestById:
    @pytest.fixture
    def rows(self, alice, bob, mod):
        post = PostFactory(author=alice)
        comment = CommentFactory(post=post, author=bob)
        flag = services.flag(post, by=bob.pk, category="spam")[0]
        action = taken_down(post, mod)
        appeal = services.appeal(action, by=alice.pk, text="No.")
        return {
            "people": alice,
            "posts": post,
            "comments": comment,
            "flags": flag,
            "actions": action,
            "appeals": appeal,
        }

    @pytest.mark.parametrize("kind", ["people", "posts", "comments", "flags", "actions", "appeals"])
    def test_id_finds_the_row_and_links_to_it(self, browser, mod, rows, kind):
        row = rows[kind]
        for spelled in (str(row.pk), row.pk.hex, f" {str(row.pk).upper()} "):
            found = find(spelled)
            assert getattr(found, kind) == [row]
            assert sum(len(getattr(found, other)) for other in rows) == 1
        assert f'<h2 id="{kind}">' in search(browser(mod), str(row.pk)).text

    def test_id_of_a_photo_finds_its_post(self, rows):
        post = rows["posts"]
        assert find(str(post.items.get().medium_id)).posts == [post]

    def test_unknown_id_finds_nothing(self, browser, mod):
        assert "No results" in search(browser(mod), str(new_id())).text


class TestByText:
    def test_people_are_found_by_handle_and_name_even_if_hidden(self, browser, mod, alice):
        suspended(alice, mod)
        for text in ("alice", "@alice", "ALICE", "Alice", "alcie"):
            assert alice in find(text).people, text
        page = search(browser(mod), "alice").text
        assert reverse("admin:moderation_person", args=[alice.pk]) in page
        assert "suspended" in page

    def test_posts_are_found_by_caption_and_tag_even_if_taken_down(self, alice, mod):
        post = PostFactory(author=alice, caption="Tide at the crèche")
        taken_down(post, mod)
        assert find("creche tide").posts == [post]
        assert find("creche storm").posts == []

    def test_comments_are_found_by_words(self, browser, mod, alice, bob):
        comment = CommentFactory(post=PostFactory(author=alice), author=bob, text="You call that a LIGHTHOUSE?")
        assert find("lighthouse").comments == [comment]
        assert f"#comment-{comment.pk}" in search(browser(mod), "lighthouse").text

    def test_comments_by_words_beside_punctuation_and_in_every_script(self, alice):
        post = PostFactory(author=alice)
        comments = [CommentFactory(post=post, author=alice, text=text) for text in ("insult/slur", "夜景だ", "ΟΔΟΣ")]
        assert [find(query).comments for query in ("slur", "夜景", "οδός")] == [[comment] for comment in comments]
        Comment.objects.update(words=None)
        assert find("insult/slur").comments == comments[:1]

    def test_removed_comment_has_no_words(self, alice):
        thread = CommentFactory(post=PostFactory(author=alice), author=alice, text="slur")
        CommentFactory(post=thread.post, author=alice, parent=thread, text="reply")
        remove_comment(thread.pk)
        assert find("slur").comments == []
        assert Comment.objects.get(pk=thread.pk).words == []

    @pytest.mark.parametrize("text", ["", "   ", "%", "'; DROP", "#", "@", "a & b | !", "x" * 500, "\ud800"[:0]])
    def test_every_text_is_accepted(self, browser, mod, text):
        assert search(browser(mod), text).status_code == 200

    def test_each_kind_has_at_most_ten_results(self, alice):
        for n in range(12):
            CommentFactory(post=PostFactory(author=alice, caption="storm"), author=alice, text="storm")
            UserFactory(handle=f"storm{n}")
        found = find("storm")
        assert (len(found.people), len(found.posts), len(found.comments)) == (10, 10, 10)


class TestByAddress:
    def test_exact_address_finds_its_owner_and_is_recorded(self, browser, mod, alice):
        client = browser(mod)
        assert "@alice" in search(client, "Alice@Example.org").text
        act = StaffAct.objects.get()
        assert (act.act, act.actor, act.subject_id) == ("find_by_email", mod, str(alice.pk))
        for part in ("alice@example", "lice@example.org"):
            assert "No results" in search(client, part).text
        assert StaffAct.objects.count() == 1


def test_search_needs_at_most_twelve_queries(browser, alice, django_assert_max_num_queries):
    CommentFactory(post=PostFactory(author=alice, caption="storm"), author=alice, text="storm")
    UserFactory(handle="storm")
    client = browser(make_moderator("looker"))
    for text in ("storm", "alice@example.org", str(alice.pk), "#storm"):
        with django_assert_max_num_queries(12):
            search(client, text)


@pytest.mark.slow
def test_search_scans_no_table(alice):
    writers = many(User(handle=f"writer{n}", email=f"writer{n}@example.org", password="!") for n in range(60))
    posts = many(
        Post(id=new_id(), author=writers[n % 60], status="published", caption=f"low tide {'rare' * (n % 2000 == 0)}")
        for n in range(6000)
    )
    many(
        Comment(id=new_id(), post=post, author=alice, text=f"high tide {'seldom' * (n % 2000 == 0)}")
        for n, post in enumerate(posts)
    )
    analyze("content_post", "engagement_comment")
    assert "posts_by_stored_words" in indexes_used(explain(find_posts("rare")[:10]))
    assert "comments_by_stored_words" in indexes_used(explain(find_comments("seldom")[:10]))
    for common in (find_posts("tide"), find_comments("tide")):
        assert rows_read(explain(common[:10])) < 500
    person = explain(User.objects.by_login("alice@example.org"))
    assert not [node for node in nodes(person) if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > 10]
