"""The feed, posts and what members do with them, without JavaScript and by scripts of pages."""

import re

import pytest

from apps.content.models import Post
from apps.engagement.models import Comment, Like, Save
from apps.media.models import Media
from apps.web.lists import POSTS
from tests.conftest import clear_caches
from tests.factories import BlockFactory, CommentFactory, FollowFactory, LikeFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db
SCRIPT = {"Accept": "application/json"}
XSS = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>'"


def html(response) -> str:
    return response.content.decode()


@pytest.fixture
def post(alice):
    return PostFactory(author=alice, photos=2, caption="Low tide at #husum with @bob")


# ── Feed ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_feed_shows_the_posts_of_followed_accounts(post, bob, browse):
    page = html(browse(bob).get("/"))
    assert page.count("<article") == 1
    assert f'formaction="/p/{post.pk}/like"' in page
    assert 'href="/tags/husum"' in page


def test_only_the_first_photo_of_the_feed_is_eager(alice, bob, browse):
    PostFactory.create_batch(2, author=alice, photos=2)
    page = html(browse(bob).get("/"))
    assert page.count('fetchpriority="high"') == 1
    assert page.count('<img src="http') == 4
    assert page.count('loading="lazy" decoding') == 3
    assert page.index('fetchpriority="high"') < page.index('loading="lazy" decoding')


@pytest.mark.parametrize("posts", [1, 10])
def test_feed_page_takes_four_statements(posts, alice, bob, browse, django_assert_max_num_queries):
    PostFactory.create_batch(posts, author=alice, photos=2, sensitive=True)
    browser = browse(bob)
    browser.get("/")
    with django_assert_max_num_queries(4):
        assert html(browser.get("/")).count("<article") == min(posts, POSTS)


def test_reader_of_kept_markup_sees_their_own_state_and_token(post, bob, browse):
    other = UserFactory()
    FollowFactory(follower=other, followed=post.author)
    browsers = [browse(bob), browse(other)]
    browsers[0].post(f"/p/{post.pk}/like", {"liked": "true"})
    pages = [browser.get("/").content.decode() for browser in [*browsers, *browsers]]
    assert ['name="liked" data-toggle value="false"' in page for page in pages] == [True, False, True, False]
    tokens = [set(re.findall(r'csrfmiddlewaretoken" value="(\w+)"', page)) for page in pages]
    assert [len(found) for found in tokens] == [1] * 4
    assert len(set.union(*tokens)) == 4
    Post.objects.filter(pk=post.pk).update(caption="Another text")
    assert "Another text" in browsers[0].get("/").content.decode()


def test_new_posts_are_counted(alice, bob, browse):
    first = PostFactory(author=alice)
    path = f"/new-posts?after={first.pk}"
    assert browse(bob).get(path, headers=SCRIPT).json()["count"] == 0
    PostFactory.create_batch(2, author=alice)
    PostFactory(author=alice, taken_down=True)
    PostFactory(author=UserFactory())
    # No task has changed the timeline in Redis.
    clear_caches()
    assert browse(bob).get(path, headers=SCRIPT).json() == {"count": 2, "label": "2 new posts"}
    assert browse(bob).get("/new-posts?after=x", headers=SCRIPT).status_code == 400


def test_long_caption_is_folded_in_the_feed_only(alice, bob, browse):
    post = PostFactory(author=alice, caption="The sea. " * 40)
    browser = browse(bob)
    assert "data-unfold" in html(browser.get("/"))
    assert "data-unfold" not in html(browser.get(f"/p/{post.pk}"))


# ── Sensitive posts ──────────────────────────────────────────────────────────────────────────────────────
def without_templates(page: str) -> str:
    return re.sub(r"<template>.*?</template>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("path", ["/", "/p/{post}", "/explore", "/saved", "/@alice"])
def test_sensitive_photos_are_covered_unless_the_setting_shows_them(path, alice, bob, browse):
    post = PostFactory(author=alice, sensitive=True)
    Save.objects.create(user=bob, post=post)
    path = path.format(post=post.pk)
    page = without_templates(html(browse(bob).get(path)))
    assert "<img src" not in page
    if path != "/explore":  # explore may not have ranked the post yet
        assert "Sensitive content" in page
        bob.settings = {"show_sensitive": True}
        bob.save()
        assert "<img src" in without_templates(html(browse(bob).get(path)))


def test_sensitive_photo_is_shown_without_javascript(alice, browse):
    post = PostFactory(author=alice, sensitive=True)
    assert f'href="/p/{post.pk}?show=1"' in html(browse(None).get(f"/p/{post.pk}"))
    assert "<img src" in without_templates(html(browse(None).get(f"/p/{post.pk}?show=1")))


# ── Likes and saves ──────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("action", "field", "model"), [("like", "liked", Like), ("save", "saved", Save)])
def test_like_and_save_go_back_to_the_page(action, field, model, post, bob, browse):
    browser = browse(bob)
    for value in ("true", "false"):
        response = browser.post(f"/p/{post.pk}/{action}", {field: value}, headers={"Referer": "http://testserver/"})
        assert (response.status_code, response.headers["Location"]) == (302, "/")
        assert model.objects.filter(user=bob, post=post).exists() is (value == "true")


def test_like_of_a_script_returns_the_count(post, bob, browse):
    LikeFactory(post=post)
    liked = browse(bob).post(f"/p/{post.pk}/like", {"liked": "true"}, headers=SCRIPT)
    assert liked.json() == {"on": True, "count": 2, "label": "2 likes"}


def test_anonymous_like_leads_to_the_sign_in_page_and_back(post, browse):
    response = browse(None).post(f"/p/{post.pk}/like", headers={"Referer": f"http://testserver/p/{post.pk}"})
    assert response.headers["Location"].startswith("/login?next=")
    assert browse(None).post(f"/p/{post.pk}/like", headers=SCRIPT).status_code == 401


def test_likes_page_lists_accounts_for_members(post, bob, browse):
    LikeFactory(post=post, user=bob)
    assert "@bob" in html(browse(bob).get(f"/p/{post.pk}/likes"))
    assert browse(None).get(f"/p/{post.pk}/likes").status_code == 302


@pytest.mark.parametrize(("path", "model"), [("/saved", Save), ("/liked", Like)])
def test_collections_list_posts_of_the_member(path, model, post, bob, browse):
    assert "Explore" in html(browse(bob).get(path))
    model.objects.create(user=bob, post=post)
    assert f'href="/p/{post.pk}"' in html(browse(bob).get(path))
    assert browse(None).get(path).status_code == 302


# ── Access ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("visibility", ["public", "followers"])
def test_who_sees_a_post_and_its_pages(visibility, alice, bob, carol, mallory, mod, browse):
    post = PostFactory(author=alice, visibility=visibility)
    thread = CommentFactory(post=post, author=bob)
    hidden = visibility == "followers"
    for user, expected in (
        (alice, 200),
        (bob, 200),
        (carol, 404 if hidden else 200),
        (mallory, 404),
        (mod, 200),
        (None, 404 if hidden else 200),
    ):
        assert browse(user).get(f"/p/{post.pk}").status_code == expected
        assert browse(user).get(f"/p/{post.pk}/comments/{thread.pk}").status_code == expected
        if user:
            assert browse(user).get(f"/p/{post.pk}/likes").status_code == expected


def test_only_the_author_deletes_a_post(post, bob, alice, browse):
    path = f"/p/{post.pk}/delete"
    assert browse(bob).post(path).status_code == 403
    assert "Delete this post?" in html(browse(alice).get(path))
    assert Post.objects.filter(pk=post.pk).exists()
    response = browse(alice).post(path)
    assert (response.status_code, response.headers["Location"]) == (302, "/@alice")
    assert not Post.objects.filter(pk=post.pk).exists()
    assert browse(alice).post(path).status_code == 404


# ── Comments ─────────────────────────────────────────────────────────────────────────────────────────────
def test_post_page_shows_comments_and_replies(post, alice, bob, browse):
    thread = CommentFactory(post=post, author=bob, text="What light!")
    reply = CommentFactory(post=post, author=alice, text="Thank you", parent=thread)
    page = html(browse(bob).get(f"/p/{post.pk}"))
    assert "What light!" in page
    assert "View 1 reply" in page
    assert "Thank you" not in page
    below = html(browse(bob).get(f"/p/{post.pk}/comments/{thread.pk}"))
    assert f'id="comment-{reply.pk}"' in below
    part = html(browse(bob).htmx("get", f"/p/{post.pk}/comments/{thread.pk}"))
    assert "Thank you" in part
    assert "<html" not in part


def test_comments_are_paged(post, bob, browse):
    CommentFactory.create_batch(21, post=post, author=bob)
    browser = browse(bob)
    first = html(browser.get(f"/p/{post.pk}"))
    more = re.search(r'hx-get="([^"]+)"[^>]*>More comments', first)[1].replace("&amp;", "&")
    for page in (html(browser.get(more)), html(browser.htmx("get", more))):
        assert page.count('class="comment"') == 1


def form_key(page: str) -> str:
    return re.search(r'name="key" value="(\w+)"', page)[1]


def test_comment_that_is_sent_twice_is_created_once(post, bob, browse):
    """22: without JavaScript."""
    browser = browse(bob)
    form = {"text": "What light!", "key": form_key(html(browser.get(f"/p/{post.pk}"))), "parent_id": ""}
    made = [browser.post(f"/p/{post.pk}/comments", form) for _ in range(2)]
    comment = Comment.objects.get()
    assert {response.headers["Location"] for response in made} == {f"/p/{post.pk}#comment-{comment.pk}"}


def test_reply_without_javascript_leads_to_the_thread(post, bob, browse):
    thread = CommentFactory(post=post)
    browser = browse(bob)
    page = html(browser.get(f"/p/{post.pk}/comments/{thread.pk}"))
    assert f'name="parent_id" value="{thread.pk}"' in page
    form = {"text": "Yes!", "key": form_key(page), "parent_id": thread.pk}
    response = browser.post(f"/p/{post.pk}/comments", form)
    reply = Comment.objects.get(parent=thread)
    assert response.headers["Location"] == f"/p/{post.pk}/comments/{thread.pk}#comment-{reply.pk}"


def test_script_gets_the_comment_as_html(post, bob, browse):
    response = browse(bob).post(f"/p/{post.pk}/comments", {"text": "Yes!", "key": "k1"}, headers=SCRIPT)
    assert response.status_code == 201
    assert f'id="comment-{response.json()["id"]}"' in response.json()["html"]


@pytest.mark.parametrize("text", ["", "x" * 1001])
def test_refused_comment_shows_the_error_and_keeps_the_text(text, post, bob, browse):
    response = browse(bob).post(f"/p/{post.pk}/comments", {"text": text, "key": "k"})
    assert response.status_code == 400
    assert f">{text}</textarea>" in html(response)
    assert 'aria-invalid="true"' in html(response)
    refused = browse(bob).post(f"/p/{post.pk}/comments", {"text": text}, headers=SCRIPT)
    assert refused.json()["errors"][0]["field"] == "text"


def test_comments_can_be_turned_off(alice, bob, browse):
    post = PostFactory(author=alice, comments_enabled=False)
    assert "Comments are turned off" in html(browse(bob).get(f"/p/{post.pk}"))
    assert browse(bob).post(f"/p/{post.pk}/comments", {"text": "Hello"}).status_code == 403


def test_who_deletes_a_comment(post, alice, bob, carol, mod, browse):
    for user, expected in ((carol, 403), (bob, 302), (alice, 302), (mod, 302)):
        comment = CommentFactory(post=post, author=bob)
        assert browse(user).post(f"/p/{post.pk}/comments/{comment.pk}/delete").status_code == expected
        assert Comment.objects.published().filter(pk=comment.pk).exists() is (expected == 403)
    other = CommentFactory(author=bob)
    assert browse(bob).post(f"/p/{post.pk}/comments/{other.pk}/delete").status_code == 404


def test_like_of_a_comment(post, bob, browse):
    comment = CommentFactory(post=post)
    path = f"/p/{post.pk}/comments/{comment.pk}/like"
    assert browse(bob).post(path).headers["Location"] == f"/p/{post.pk}#comment-{comment.pk}"
    liked = browse(bob).post(path, {"liked": "false"}, headers=SCRIPT)
    assert liked.json() == {"on": False, "count": 0, "label": ""}


# ── Texts of members ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", ["/", "/p/{post}", "/p/{post}/likes", "/p/{post}/comments/{thread}", "/liked"])
def test_texts_of_members_are_escaped(path, bob, browse):
    author = UserFactory(display_name=XSS[:50], handle="mallet")
    bob.display_name = XSS[:50]
    bob.save()
    post = PostFactory(author=author, caption=f"{XSS} #tag{XSS}")
    Media.objects.update(alt_text=XSS)
    thread = CommentFactory(post=post, author=author, text=XSS)
    CommentFactory(post=post, author=author, text=XSS, parent=thread)
    LikeFactory(post=post, user=bob)
    LikeFactory(post=post, user=author)
    page = html(browse(bob).get(path.format(post=post.pk, thread=thread.pk)))
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_blocked_authors_of_comments_are_not_shown(post, alice, bob, browse):
    mallet = UserFactory()
    CommentFactory(post=post, author=mallet, text="Hidden words")
    BlockFactory(blocker=bob, blocked=mallet)
    assert "Hidden words" not in html(browse(bob).get(f"/p/{post.pk}"))
