"""Profiles, lists of people, and what members do with other accounts."""

import json

import pytest

from apps.accounts.models import User
from apps.social.models import Block, Follow, FollowRequest, Mute
from tests.factories import BlockFactory, FollowFactory, MuteFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db


def text_of(response):
    return response.content.decode()


def change(user, **fields):
    User.objects.filter(pk=user.pk).update(**fields)


# ── Profiles ─────────────────────────────────────────────────────────────────────────────────────────────
def test_profile_shows_name_counts_bio_and_posts(alice, bob, browse):
    bio = "Sea and sky. #husum with @bob and @nobody.here, https://alice.example.org/photos."
    change(alice, bio=bio, website="https://alice.example.org", is_verified=True)
    post = PostFactory(author=alice)
    page = text_of(browse(bob).get("/@alice"))
    assert "Verified" in page
    assert '<a href="/tags/husum">#husum</a>' in page
    assert '<a href="/@bob">@bob</a>' in page
    assert "/@nobody.here" not in page
    assert '<a href="https://alice.example.org/photos" rel="nofollow ugc noopener">' in page
    assert 'href="https://alice.example.org" rel="nofollow me"' in page
    assert "<b>1</b> follower<" in page
    assert f'href="/p/{post.pk}"' in page


def test_handle_in_another_case_is_the_same_profile(alice, browse):
    assert browse().get("/@ALICE").status_code == 200


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> javascript:alert(1)"


def test_hostile_texts_are_inert(alice, bob, browse):
    change(alice, display_name=HOSTILE[:50], bio=HOSTILE, website="javascript:alert(1)")
    for path in ("/@alice", "/@bob/following", "/search?q=alice"):
        page = text_of(browse(bob).get(path))
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'href="javascript:' not in page


@pytest.mark.parametrize("term", [HOSTILE, "\"onfocus='x'", "{{ 7 }}"])
def test_hostile_search_and_tag_are_inert(term, browse, db):
    for path, params in (("/search", {"q": term}), ("/search", {"q": term, "type": "tags"})):
        page = text_of(browse().get(path, params))
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "<script>alert" not in text_of(browse().get("/tags/<script>alert(1)"))


@pytest.mark.parametrize(
    ("role", "status", "sees_posts"),
    [
        (None, 200, False),
        ("carol", 200, False),
        ("bob", 200, True),
        ("alice", 200, True),
        ("mallory", 404, False),
    ],
)
def test_private_profile(role, status, sees_posts, alice, bob, carol, mallory, browse):
    change(alice, is_private=True)
    post = PostFactory(author=alice)
    viewer = {"alice": alice, "bob": bob, "carol": carol, "mallory": mallory}.get(role)
    response = browse(viewer).get("/@alice")
    assert response.status_code == status
    assert (str(post.pk) in text_of(response)) is sees_posts
    if status == 200 and not sees_posts:
        assert "This account is private." in text_of(response)


@pytest.mark.parametrize("role", ["carol", "suspended", "unknown"])
def test_profile_that_nobody_may_see_is_404(role, browse, carol):
    UserFactory(handle="gone", suspended=True)
    path = {"suspended": "/@gone", "unknown": "/@nobody", "carol": "/@a\0b"}[role]
    assert browse(carol).get(path).status_code == 404


def test_blocked_account_can_be_unblocked(alice, mallory, browse):
    page = text_of(browse(alice).get("/@mallory"))
    assert "Unblock" in page
    assert "You blocked @mallory." in page
    browse(alice).post("/@mallory/unblock")
    assert not Block.objects.exists()


def test_own_profile_links_settings_saved_and_liked(alice, browse):
    page = text_of(browse(alice).get("/@alice"))
    for path in ("/settings/profile", "/saved", "/liked"):
        assert f'href="{path}"' in page
    assert "/@alice/follow" not in page.replace("/@alice/followers", "").replace("/@alice/following", "")


def test_moderator_can_open_the_console(alice, mod, bob, browse):
    path = f"/person/{alice.pk}/"
    assert path in text_of(browse(mod).get("/@alice"))
    assert path not in text_of(browse(bob).get("/@alice"))


# ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────
ACTIONS = [
    ("carol", "follow", Follow, True),
    ("bob", "unfollow", Follow, False),
    ("carol", "block", Block, True),
    ("carol", "mute", Mute, True),
    ("muter", "unmute", Mute, False),
]


@pytest.mark.parametrize(("role", "action", "model", "exists"), ACTIONS)
@pytest.mark.parametrize("is_htmx", [False, True])
def test_action_from_a_page(role, action, model, exists, is_htmx, alice, browse):
    member = UserFactory(handle=role)
    if role == "bob":
        FollowFactory(follower=member, followed=alice)
    if role == "muter":
        MuteFactory(muter=member, muted=alice)
    browser = browse(member)
    if is_htmx:
        response = browser.htmx("post", f"/@alice/{action}?part=profile")
        assert response.status_code == 200
        assert 'id="profile" hx-swap-oob="true"' in text_of(response)
    else:
        response = browser.post(f"/@alice/{action}", headers={"Referer": "http://testserver/@alice/followers"})
        assert response.status_code == 302
        assert response.headers["Location"] == "/@alice/followers"
    assert model.objects.exists() is exists


def test_follow_of_a_private_account_is_a_request(carol, browse):
    UserFactory(handle="dora", private=True)
    response = browse(carol).htmx("post", "/@dora/follow")
    assert "Requested" in text_of(response)
    assert FollowRequest.objects.exists()


def test_unfollowing_a_private_account_asks_without_javascript(alice, bob, browse):
    change(alice, is_private=True)
    page = text_of(browse(bob).post("/@alice/unfollow"))
    assert "Unfollow @alice?" in page
    assert Follow.objects.exists()
    response = browse(bob).post("/@alice/unfollow", {"confirmed": "true"})
    assert response.headers["Location"] == "/@alice"
    assert not Follow.objects.exists()


def test_undo_of_a_block_follows_again(alice, bob, browse):
    browser = browse(bob)
    response = browser.htmx("post", "/@alice/block?part=profile")
    assert '"undo": "/@alice/unblock?part=profile\\u0026follow=true"' in response.headers["HX-Trigger"].replace(
        "&", "\\u0026"
    )
    browser.htmx("post", "/@alice/unblock?part=profile&follow=true")
    assert Follow.objects.filter(follower=bob, followed=alice).exists()


@pytest.mark.parametrize(
    ("fields", "undone"),
    [
        ({}, "You unblocked @alice, and you follow them again."),
        ({"is_private": True}, "You unblocked @alice, and you have asked to follow them again."),
    ],
)
def test_undo_of_a_block_says_what_it_restores(fields, undone, alice, bob, browse):
    FollowFactory(follower=alice, followed=bob)
    change(alice, **fields)
    blocked = message(browse(bob).htmx("post", "/@alice/block?part=profile"))
    assert blocked["text"] == "You blocked @alice, who no longer follows you."
    assert message(browse(bob).htmx("post", blocked["undo"]))["text"] == undone


def test_undo_of_a_block_repeats_a_request(alice, bob, browse):
    change(alice, is_private=True)
    Follow.objects.all().delete()
    browse(bob).post("/@alice/follow")
    blocked = message(browse(bob).htmx("post", "/@alice/block?part=profile"))
    assert blocked["text"] == "You blocked @alice."
    assert not FollowRequest.objects.exists()
    browse(bob).htmx("post", blocked["undo"])
    assert FollowRequest.objects.exists()


def test_unblocking_says_that_follows_are_not_restored(alice, mallory, browse):
    unblocked = message(browse(alice).htmx("post", "/@mallory/unblock"))
    assert unblocked["text"] == "You unblocked @mallory. Follows that the block ended are not restored."


def message(response):
    return json.loads(response.headers["HX-Trigger"])["message"]


@pytest.mark.parametrize("action", ["follow", "block", "remove-follower"])
def test_anonymous_visitor_is_sent_to_sign_in(action, alice, browse):
    response = browse().post(f"/@alice/{action}", headers={"Referer": "http://testserver/@alice"})
    assert response.headers["Location"].startswith("/login?next=")
    assert not Follow.objects.exists()


def test_actions_are_posts(alice, bob, browse):
    assert browse(bob).get("/@alice/block").status_code == 405


def test_follow_across_a_block_is_404(alice, mallory, browse):
    assert browse(mallory).post("/@alice/follow").status_code == 404


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", ["followers", "following"])
@pytest.mark.parametrize(("role", "status"), [(None, 302), ("carol", 404), ("bob", 200), ("alice", 200)])
def test_lists_of_a_private_account(name, role, status, alice, bob, carol, browse):
    change(alice, is_private=True)
    response = browse({"carol": carol, "bob": bob, "alice": alice}.get(role)).get(f"/@alice/{name}")
    assert response.status_code == status


def test_list_of_followers_is_paged_and_followers_can_be_removed(alice, browse, monkeypatch):
    monkeypatch.setattr("apps.web.views.people.PEOPLE", 2)
    for handle in ("ann", "ben", "cem"):
        FollowFactory(follower=UserFactory(handle=handle), followed=alice)
    browser = browse(alice)
    page = text_of(browser.get("/@alice/followers"))
    assert [f"@{handle}<" in page for handle in ("ann", "ben", "cem")] == [False, True, True]
    more = page.split('class="more"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    part = text_of(browser.htmx("get", more))
    assert "@ann<" in part
    assert "<html" not in part
    assert "You have seen everything." in part
    browser.post("/@ann/remove-follower")
    assert Follow.objects.count() == 2


def test_requests_are_accepted_and_rejected(alice, bob, carol, browse):
    browse(bob).post("/@alice/unfollow")
    change(alice, is_private=True)
    for requester in (bob, carol):
        browse(requester).post("/@alice/follow")
    browser = browse(alice)
    page = text_of(browser.get("/requests"))
    assert "/requests/@bob/accept" in page
    assert "Follow back" in text_of(browser.htmx("post", "/requests/@bob/accept"))
    assert browser.post("/requests/@carol/reject").status_code == 302
    assert [follow.follower for follow in Follow.objects.all()] == [bob]
    assert not FollowRequest.objects.exists()
    assert browser.post("/requests/@carol/reject").status_code == 404
    assert "no follow requests" in text_of(browser.get("/requests"))


def test_suggestions_are_people_followed_by_followed_people(alice, bob, carol, browse):
    FollowFactory(follower=alice, followed=carol)
    for path in ("/suggestions", "/suggestions?few"):
        page = text_of(browse(bob).get(path))
        assert "@carol" in page
    part = text_of(browse(bob).htmx("get", "/suggestions?few"))
    assert "Followed by 1 person you follow" in part
    assert "<html" not in part


def test_hidden_people_are_left_out_when_a_list_is_refreshed(alice, bob, carol, mallory, browse):
    ids = ",".join(str(user.pk) for user in (alice, carol, mallory))
    part = text_of(browse(bob).get(f"/refresh/people?ids={ids},x"))
    assert [f'data-key="{user.pk}"' in part for user in (alice, carol, mallory)] == [True, True, True]
    part = text_of(browse(mallory).get(f"/refresh/people?ids={ids}"))
    assert f'data-key="{alice.pk}"' not in part


def test_posts_are_refreshed_with_their_likes(alice, bob, browse):
    post, hidden = PostFactory(author=alice), PostFactory(author=alice, taken_down=True)
    browse(bob).post(f"/p/{post.pk}/like", {"liked": "true"})
    part = text_of(browse(bob).get(f"/refresh/posts?ids={post.pk},{hidden.pk}"))
    assert "1 like" in part
    assert str(hidden.pk) not in part


# ── Search, tags and explore ─────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("signed_in", [False, True])
def test_search_finds_people_posts_and_tags(signed_in, alice, bob, browse):
    from apps.content import services

    post = PostFactory(author=alice, caption="")
    services.update_post(post, changes={"caption": "Low tide at #husum"})
    browser = browse(bob if signed_in else None)
    assert "@alice" in text_of(browser.get("/search?q=ali"))
    assert str(post.pk) in text_of(browser.get("/search?q=tide&type=posts"))
    assert 'href="/tags/husum"' in text_of(browser.get("/search?q=hus&type=tags"))
    assert str(post.pk) in text_of(browser.get("/tags/husum"))
    part = text_of(browser.htmx("get", "/search?q=ali"))
    assert "<html" not in part
    assert "1 result." in part


@pytest.mark.parametrize(("query", "status"), [("", 200), ("   ", 200), ("x" * 101, 400), ("a\u202eb", 400)])
def test_search_without_and_with_invalid_query(query, status, browse, db):
    response = browse().get("/search", {"q": query})
    assert response.status_code == status
    assert ('aria-invalid="true"' in text_of(response)) is (status == 400)


def test_search_with_nothing_found_suggests_the_next_step(browse, db):
    page = text_of(browse().get("/search?q=zzzzqqq"))
    assert "Nothing was found for “zzzzqqq”" in page
    assert 'href="/explore"' in page


def test_scripts_complete_people_and_tags(alice, browse):
    results = browse(alice).get("/web/search/users?q=ali").json()["results"]
    assert [person["handle"] for person in results] == ["alice"]


def test_blocked_people_are_not_found(alice, mallory, browse):
    BlockFactory(blocker=UserFactory(handle="zoe"), blocked=alice)
    assert "@alice<" not in text_of(browse(mallory).get("/search?q=alice"))
