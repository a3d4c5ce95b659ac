"""Texts without a visible character are blank, wherever they are written."""

import pytest

from apps.accounts.models import Session
from apps.moderation.admin.appeals import DecisionForm
from apps.moderation.admin.forms import ReasonForm
from apps.moderation.admin.safety import BlockTermForm
from tests.factories import PASSWORD, CommentFactory, MediaFactory, PostFactory
from tests.moderation.people import taken_down

pytestmark = pytest.mark.django_db
INVISIBLE = ["\u200b", "\u3164", "\u2800", "\u00ad\ufe0f", " \U000e0020\u3000"]


def codes(response):
    return response.status_code, [error["code"] for error in response.json()["errors"]]


@pytest.mark.parametrize("text", INVISIBLE)
def test_text_that_must_not_be_blank_is_refused(api, alice, bob, mod, text):
    post = PostFactory(author=alice)
    comment = CommentFactory(post=post, author=bob)
    action = taken_down(PostFactory(author=alice), mod)
    for caller, path, body in [
        (bob, f"/posts/{post.pk}/comments", {"text": text}),
        (mod, f"/moderation/comments/{comment.pk}/takedown", {"reason": text, "category": "spam"}),
        (mod, f"/moderation/users/{bob.pk}/suspend", {"reason": text, "category": "spam", "until": None}),
        (alice, f"/moderation/actions/{action.pk}/appeal", {"text": text}),
    ]:
        assert codes(api(caller).post(path, body)) == (400, ["blank"]), path


@pytest.mark.parametrize("text", INVISIBLE)
def test_text_that_may_be_blank_is_stored_as_empty(api, anonymous, alice, text):
    photo = MediaFactory(owner=alice)
    post = api(alice).post("/posts", {"media_ids": [str(photo.pk)], "caption": text}).json()
    assert post["caption"] == ""
    changes = {"caption": text, "alt_texts": {str(photo.pk): text}}
    post = api(alice).patch(f"/posts/{post['id']}", changes).json()
    assert (post["caption"], post["media"][0]["alt_text"]) == ("", "")
    me = api(alice).patch("/users/me", {"display_name": text, "bio": text}).json()
    assert (me["display_name"], me["bio"]) == ("", "")
    anonymous.post("/auth/token", {"login": "alice", "password": PASSWORD, "device_name": text})
    assert Session.objects.filter(user=alice).latest("pk").device_name == ""


@pytest.mark.parametrize("text", INVISIBLE)
def test_form_of_the_console_refuses_blank_text(text):
    assert "reason" in ReasonForm({"reason": text}).errors
    assert "note" in DecisionForm({"decision": "uphold", "note": text}).errors
    assert "reason" in BlockTermForm({"kind": "word", "text": "spam", "effect": "flag", "reason": text}).errors


@pytest.mark.parametrize("text", ["paid \u202eevil", "bell\x07", "half \ud800", "\u2066"])
def test_form_of_the_console_refuses_forbidden_characters(text):
    assert "reason" in ReasonForm({"reason": text}).errors
    assert "note" in DecisionForm({"decision": "uphold", "note": text}).errors
    assert "reason" in BlockTermForm({"kind": "word", "text": "spam", "effect": "flag", "reason": text}).errors
    assert not ReasonForm({"reason": "Two\r\nlines."}).errors


@pytest.mark.parametrize("text", ["\u202e", "\0", "\u200b\u2066"])
def test_forbidden_characters_are_refused_also_if_nothing_is_visible(api, alice, text):
    assert codes(api(alice).patch("/users/me", {"display_name": text})) == (400, ["invalid_characters"])
