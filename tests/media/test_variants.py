"""`?variants=` reduces every response with photos."""

import pytest

from apps.content.models import Post
from apps.engagement import services as engagement
from apps.feed import explore
from tests.api.openapi import OPERATIONS
from tests.conftest import rolled_back
from tests.factories import MediaFactory

pytestmark = pytest.mark.django_db
# {operation id: how alice calls it}
CALLS = {
    "getPost": ("get", "/posts/{post}"),
    "createPost": ("post", "/posts"),
    "updatePost": ("patch", "/posts/{post}"),
    "listPostsByUser": ("get", "/users/me/posts"),
    "listPostsByTag": ("get", "/tags/husum/posts"),
    "listSavedPosts": ("get", "/users/me/saved"),
    "listLikedPosts": ("get", "/users/me/liked"),
    "listFeed": ("get", "/feed"),
    "refreshFeed": ("post", "/feed/refresh"),
    "listPopularPosts": ("get", "/explore"),
    "searchPosts": ("get", "/search/posts?q=husum"),
    "getMedia": ("get", "/media/{media}"),
    "getUploadStatus": ("get", "/media/upload/{media}/status"),
}


@pytest.fixture
def call(api, alice, deliver):
    """Calls an operation with a value of `variants`; alice has a post that is in every list."""
    caller, medium = api(alice), MediaFactory(owner=alice)
    created = caller.post("/posts", {"media_ids": [str(medium.pk)], "caption": "#husum"}).json()
    engagement.save(created["id"], by=alice.pk)
    engagement.like(created["id"], by=alice.pk)
    deliver()
    explore.keep_scores()

    def send(operation_id, query):
        method, path = CALLS[operation_id]
        body = {"createPost": {"media_ids": [str(MediaFactory(owner=alice).pk)]}, "updatePost": {"caption": "x"}}
        url = path.format(post=created["id"], media=medium.pk)
        return getattr(caller, method)(
            f"{url}{'&' if '?' in url else '?'}{query}" if query else url, body.get(operation_id)
        )

    return send


def variants_in(body):
    """The names and types of all variants in a response."""
    if isinstance(body, dict):
        own = [(body["name"], body["content_type"])] if "content_type" in body else []
        return own + [found for inner in body.values() for found in variants_in(inner)]
    return [found for inner in body for found in variants_in(inner)] if isinstance(body, list) else []


def test_every_operation_with_the_parameter_is_tested():
    assert {id_ for id_, operation in OPERATIONS.items() if "variants" in operation.parameters()} == set(CALLS)


def test_response_contains_only_the_requested_variants(call, subtests):
    types = {"image/webp", "image/jpeg"}
    everything = {(name, content_type) for name in ("thumb", "medium", "large") for content_type in types}
    for operation_id in CALLS:
        with subtests.test(operation_id=operation_id), rolled_back():
            if operation_id != "createPost":
                assert set(variants_in(call(operation_id, "").json())) == everything
            for query in ("variants=thumb,medium", "variants=medium&variants=thumb"):
                found = variants_in(call(operation_id, query).json())
                assert set(found) == {(name, type_) for name, type_ in everything if name != "large"}, query


def test_unknown_variant_is_refused_before_anything_is_written(call):
    posts = Post.objects.count()
    for value in ("", "huge", "thumb,", "thumb,huge", "THUMB", "thumb, medium", "thumb%00"):
        for operation_id in ("listFeed", "getMedia", "createPost"):
            response = call(operation_id, f"variants={value}")
            assert response.status_code == 400, (value, operation_id)
            assert [error["field"] for error in response.json()["errors"]] == ["variants"]
    assert Post.objects.count() == posts


def test_cursor_is_valid_for_other_variants(call):
    call("createPost", "")
    cursor = call("listPostsByUser", "limit=1&variants=thumb").json()["next_cursor"]
    page = call("listPostsByUser", f"limit=1&cursor={cursor}").json()
    assert len(variants_in(page)) == 6
