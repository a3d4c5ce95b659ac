"""Errors outside the API are pages for browsers, and problem documents for everybody else."""

import pytest

from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


def test_unknown_path_is_a_page_for_a_browser(db):
    response = Browser().get("/no-such-page")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
    assert "Not found." in response.content.decode()


@pytest.mark.parametrize("path", ["/v1/no-such-path", "/health/no-such-path", "/no-such-page"])
def test_problem_document_without_html(path, client):
    response = client.get(path, headers={"Accept": "application/json"})
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"


def test_unknown_post_and_private_post_give_the_same_page(alice, carol):
    from tests.factories import PostFactory

    post = PostFactory(author=alice, visibility="followers")
    pages = [Browser(carol).get(f"/p/{pk}") for pk in (post.pk, carol.pk)]
    assert [page.status_code for page in pages] == [404, 404]
    bodies = [page.content.decode().replace(page.headers["X-Request-ID"], "") for page in pages]
    assert bodies[0] == bodies[1]


def test_error_of_an_htmx_request_is_a_message(alice):
    response = Browser(alice).htmx("post", f"/p/{alice.pk}/like")
    assert response.status_code == 404
    assert response.headers["HX-Reswap"] == "none"
    assert "Not found." in response.headers["HX-Trigger"]


def test_pages_have_a_strict_policy_and_are_not_stored(alice):
    headers = Browser(alice).get("/").headers
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "private, no-store"
