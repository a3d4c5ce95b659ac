"""Comments in Chromium."""

import pytest
from playwright.sync_api import expect

from apps.engagement.models import Comment, CommentLike
from tests.factories import CommentFactory, PostFactory, UserFactory
from tests.web.browser.test_posts import Held

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SENT = "**/comments"


@pytest.fixture
def bob():
    return UserFactory(handle="bob")


@pytest.fixture
def post():
    return PostFactory(author=UserFactory(handle="alice"))


@pytest.fixture
def page(site, bob, post):
    page = site.open(bob)
    page.goto(f"/p/{post.pk}")
    return page


def write(page, text):
    page.get_by_label("Add a comment").fill(text)
    page.get_by_role("button", name="Post", exact=True).click()


def test_comment_appears_at_once_and_becomes_final(page, post):
    """21."""
    expect(page.get_by_text("No comments yet.")).to_be_visible()
    held = Held(page, SENT)
    write(page, "What light! <b>@alice</b>")
    pending = page.locator(".comment.pending")
    expect(pending).to_contain_text("What light! <b>@alice</b>")
    expect(page.get_by_label("Add a comment")).to_have_value("")
    expect(page.get_by_text("No comments yet.")).to_be_hidden()
    held.wait(page)
    held.next().continue_()
    expect(pending).to_have_count(0)
    made = Comment.objects.get()
    expect(page.locator(f"#comment-{made.pk}")).to_contain_text("What light! <b>@alice</b>")
    assert page.locator(f"#comment-{made.pk}").get_by_role("link", name="@alice").count() == 1


def test_refused_comment_returns_to_the_field(site, page, post):
    """21: with the reason; what the member has written meanwhile stays."""
    held = Held(page, SENT)
    write(page, "Refused")
    page.get_by_label("Add a comment").fill("Next")
    held.wait(page)
    site.expected.append("403")
    problem = '{"title": "No", "detail": "This post takes no comments."}'
    held.next().fulfill(status=403, content_type="application/problem+json", body=problem)
    expect(page.get_by_label("Add a comment")).to_have_value("Refused\nNext")
    expect(page.get_by_label("Add a comment")).to_be_focused()
    expect(page.get_by_role("alert").filter(has_text="takes no comments")).to_be_visible()
    expect(page.locator(".comment")).to_have_count(0)


def test_double_submit_creates_one_comment(site, page, post):
    """22: two presses, and a retry after a response that was lost."""
    page.get_by_label("Add a comment").fill("Once")
    page.locator(".comment-form").evaluate("(form) => { form.requestSubmit(); form.requestSubmit(); }")
    expect(page.locator(".comment:not(.pending)")).to_have_count(1)
    assert Comment.objects.count() == 1
    site.expected += ["ERR_", "Failed to fetch"]

    def lose(route):
        route.fetch()
        route.abort()

    page.route(SENT, lose)
    write(page, "Lost")
    expect(page.get_by_label("Add a comment")).to_have_value("Lost")
    page.unroute(SENT)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator(".comment:not(.pending)")).to_have_count(2)
    assert Comment.objects.count() == 2


def test_reply_and_like(page, post):
    """A reply appears below its comment; its replies are loaded in place."""
    thread = CommentFactory(post=post, author=post.author, text="Question")
    CommentFactory(post=post, author=post.author, text="First reply", parent=thread)
    page.reload()
    comment = page.locator(f"#comment-{thread.pk}")
    comment.get_by_role("link", name="View 1 reply").click()
    expect(comment.get_by_text("First reply")).to_be_visible()
    comment.get_by_role("link", name="Reply", exact=True).first.click()
    expect(page.get_by_text("Replying to @alice")).to_be_visible()
    expect(page.get_by_label("Add a comment")).to_be_focused()
    page.keyboard.type("yes")
    with page.expect_response(SENT):
        page.keyboard.press("Control+Enter")
    expect(comment.locator(".replies").get_by_text("yes")).to_be_visible()
    assert Comment.objects.filter(parent=thread, text="@alice yes").exists()
    with page.expect_response("**/like"):
        comment.get_by_role("button", name="Like this comment").first.click()
    assert CommentLike.objects.filter(comment=thread).exists()
    expect(comment.get_by_text("1 like", exact=True)).to_be_visible()


def test_deleted_comment_can_be_restored(page, post, bob):
    """25 and 26: the message with "Undo" is reached by keyboard; the focus moves to the next comment."""
    older, newer = CommentFactory.create_batch(2, post=post, author=bob)
    page.reload()
    page.locator(f"#comment-{newer.pk}").get_by_role("button", name="Delete").click()
    expect(page.locator(f"#comment-{newer.pk}")).to_have_count(0)
    assert page.evaluate("() => document.activeElement.closest('.comment')?.dataset.key") == str(older.pk)
    page.keyboard.press("Control+z")
    expect(page.locator(f"#comment-{newer.pk}")).to_be_visible()
    assert page.evaluate("() => document.activeElement.closest('.comment')?.dataset.key") == str(newer.pk)
    assert Comment.objects.count() == 2
    page.locator(f"#comment-{newer.pk}").get_by_role("button", name="Delete").click()
    page.wait_for_timeout(300)
    assert Comment.objects.count() == 2
    # Leaving the page deletes it.
    with page.expect_request("**/delete"):
        page.goto("/")
    for _ in range(50):
        if Comment.objects.count() == 1:
            break
        page.wait_for_timeout(50)
    assert Comment.objects.get() == older


def test_comment_without_javascript(site, post, bob):
    page = site.open(bob, java_script_enabled=False)
    page.goto(f"/p/{post.pk}")
    write(page, "Plain HTML")
    made = Comment.objects.get()
    assert page.url.endswith(f"/p/{post.pk}#comment-{made.pk}")
    page.locator(f"#comment-{made.pk}").get_by_role("button", name="Like this comment").click()
    assert CommentLike.objects.filter(comment=made).exists()
    page.get_by_role("button", name="Like", exact=True).click()
    page.locator(f"#comment-{made.pk}").get_by_role("button", name="Delete").click()
    assert not Comment.objects.exists()
