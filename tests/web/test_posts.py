"""The feed, posts and what members do with them, without JavaScript."""

import re

import pytest

from apps.engagement.models import Comment, Like, Save
from tests.factories import CommentFactory, PostFactory

pytestmark = pytest.mark.django_db


def html(response) -> str:
    return response.content.decode()


def test_feed_page_shows_the_posts_of_followed_accounts(alice, bob, browse):
    post = PostFactory(author=alice, photos=2, caption="Low tide at #husum with @bob")
    page = html(browse(bob).get("/"))
    assert page.count("<article") == 1
    assert f'action="/p/{post.pk}/like"' in page
    assert 'href="/tags/husum"' in page
    assert page.count('fetchpriority="high"') == 1
    assert page.count('loading="lazy"') >= 1


def test_like_and_save_without_javascript(alice, bob, browse):
    post = PostFactory(author=alice)
    browser = browse(bob)
    for action, field, model in (("like", "liked", Like), ("save", "saved", Save)):
        response = browser.post(f"/p/{post.pk}/{action}", {field: "true"}, headers={"Referer": "http://testserver/"})
        assert (response.status_code, response.headers["Location"]) == (302, "http://testserver/")
        assert model.objects.filter(user=bob, post=post).exists()
        browser.post(f"/p/{post.pk}/{action}", {field: "false"})
        assert not model.objects.filter(user=bob, post=post).exists()


def test_post_page_shows_comments_and_replies(alice, bob, browse):
    post = PostFactory(author=alice)
    thread = CommentFactory(post=post, author=bob, text="What light!")
    reply = CommentFactory(post=post, author=alice, text="Thank you", parent=thread)
    page = html(browse(bob).get(f"/p/{post.pk}"))
    assert "What light!" in page
    assert "View 1 reply" in page
    below = html(browse(bob).get(f"/p/{post.pk}/comments/{thread.pk}"))
    assert f'id="comment-{reply.pk}"' in below
    part = html(browse(bob).htmx("get", f"/p/{post.pk}/comments/{thread.pk}"))
    assert "Thank you" in part
    assert "<html" not in part


def test_comment_without_javascript_is_created_once(alice, bob, browse):
    post = PostFactory(author=alice)
    browser = browse(bob)
    key = re.search(r'name="key" value="(\w+)"', html(browser.get(f"/p/{post.pk}")))[1]
    form = {"text": "What light!", "key": key, "parent_id": ""}
    made = [browser.post(f"/p/{post.pk}/comments", form) for _ in range(2)]
    comment = Comment.objects.get()
    assert {response.headers["Location"] for response in made} == {f"/p/{post.pk}#comment-{comment.pk}"}


def test_refused_comment_shows_the_error_and_keeps_the_text(alice, bob, browse):
    post = PostFactory(author=alice)
    response = browse(bob).post(f"/p/{post.pk}/comments", {"text": "x" * 1001, "key": "k"})
    assert response.status_code == 400
    assert "x" * 1001 in html(response)
    assert 'aria-invalid="true"' in html(response)
