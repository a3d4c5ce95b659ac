"""Pages without JavaScript: links and forms are followed as they are in the pages."""

import re

import pytest
from django.core import mail

from apps.accounts.models import Session, User
from apps.engagement import services
from apps.engagement.models import Comment, CommentLike, Like, Save
from apps.moderation.models import Flag
from apps.social.models import Block, Follow, FollowRequest, Mute
from apps.web.lists import POSTS
from tests.factories import PASSWORD, CommentFactory, PostFactory, UserFactory
from tests.web.forms import PlainBrowser

pytestmark = pytest.mark.django_db


def test_visitor_reads_signs_in_and_comes_back_to_the_post(alice):
    post = PostFactory(author=alice, caption="Low tide at #husum", photos=2)
    CommentFactory(post=post, text="What light!")
    UserFactory(handle="dora")
    browser = PlainBrowser()
    assert "Share photographs" in browser.open("/").text
    browser.press_link("Explore")
    assert browser.url == "/explore"
    page = browser.open(f"/p/{post.pk}")
    assert "Low tide" in page.text
    assert "What light!" in page.text
    assert browser.press_link("#husum").links
    browser.open(f"/p/{post.pk}")
    links = [link for link in browser.page.links if link.label == "Sign in" and "next=" in link.attributes["href"]]
    browser.open(links[0].attributes["href"])
    browser.press("Sign in", login="dora", password=PASSWORD)
    assert browser.url == f"/p/{post.pk}"
    assert "Add a comment" in browser.page.text


def test_visitor_who_likes_signs_in_first(alice):
    post = PostFactory(author=alice)
    UserFactory(handle="dora")
    browser = PlainBrowser()
    browser.open(f"/p/{post.pk}")
    browser.press("Like")
    assert browser.url.startswith("/login?next=")
    browser.press("Sign in", login="dora", password=PASSWORD)
    assert browser.url == f"/p/{post.pk}"
    browser.press("Like")
    assert Like.objects.filter(user__handle="dora").exists()


def test_new_person_joins_and_confirms_their_address(deliver):
    browser = PlainBrowser()
    browser.open("/")
    browser.press_link("Join")
    browser.press("Join", handle="emma", email="emma@example.org", password=PASSWORD)
    assert "We have sent a mail to emma@example.org" in browser.page.text
    deliver()
    link = re.search(r"/confirm-email\?token=\S+", mail.outbox[-1].body)[0]
    browser.open(link)
    assert User.objects.get(handle="emma").email_verified_at is None
    browser.press("Confirm the address")
    assert "Your e-mail address is confirmed." in browser.page.text
    assert User.objects.get(handle="emma").email_verified_at


def test_forgotten_password_is_set_with_the_link_of_the_mail(alice, deliver):
    browser = PlainBrowser()
    browser.open("/login")
    browser.press_link("Forgot your password?")
    browser.press("Send the mail", email="alice@example.org")
    deliver()
    browser.open(re.search(r"/reset-password\?token=\S+", mail.outbox[-1].body)[0])
    browser.press("", within="reset-password", new_password=f"{PASSWORD}!")
    browser.press("Sign in", login="alice", password=f"{PASSWORD}!")
    assert browser.url == "/"
    assert "Sign out" in browser.page.text


def test_member_reads_likes_saves_and_comments(alice, bob):
    posts = [PostFactory(author=alice, caption=f"Post number {number}.") for number in range(POSTS + 1)]
    browser = PlainBrowser(bob)
    assert f"Post number {POSTS}." in browser.open("/").text
    assert "Post number 0." in browser.press_link("More").text
    browser.open("/")
    like, save = f"/p/{posts[-1].pk}/like", f"/p/{posts[-1].pk}/save"
    browser.press("Like", within=like)
    browser.press("Save", within=save)
    assert browser.url == "/"
    assert Like.objects.get().user == bob
    assert Save.objects.get().user == bob
    browser.press("Like", within=like)
    browser.press("Save", within=save)
    assert not Like.objects.exists()
    assert not Save.objects.exists()
    browser.open(f"/p/{posts[-1].pk}")
    browser.press("Post", within="/comments", text="What light!")
    comment = Comment.objects.get()
    assert "What light!" in browser.page.text
    browser.press("Like this comment")
    assert CommentLike.objects.get().user == bob
    browser.press_link("Reply")
    browser.press("Post", within="/comments", text="And what wind!")
    assert Comment.objects.get(parent=comment).text == "And what wind!"
    browser.open(f"/p/{posts[-1].pk}")
    browser.press("Delete", within=f"{comment.pk}/delete")
    assert "What light!" not in browser.page.text


def test_member_follows_mutes_blocks_and_reports(carol, alice):
    UserFactory(handle="pia", private=True)
    browser = PlainBrowser(alice)
    browser.open("/search")
    browser.press("Search", q="carol")
    browser.press_link("Carol @carol")
    browser.press("Follow")
    assert Follow.objects.filter(follower=alice, followed=carol).exists()
    browser.press("Following")
    assert "You no longer follow @carol." in browser.page.text
    browser.press("Mute")
    assert Mute.objects.exists()
    browser.press("Unmute")
    browser.press("Block", within="/block")
    assert "You blocked @carol." in browser.page.text
    assert Block.objects.exists()
    browser.press("Unblock")
    assert not Block.objects.exists()
    browser.press_link("Report")
    browser.press("Send report", category="spam", note="Advertisements.")
    assert "Thank you" in browser.page.text
    assert Flag.objects.get().note == "Advertisements."
    browser.open("/@pia")
    browser.press("Follow")
    assert FollowRequest.objects.exists()
    assert "Requested" in browser.page.text


def test_private_member_answers_requests_and_removes_followers():
    pia, one, two = UserFactory(handle="pia", private=True), UserFactory(handle="one"), UserFactory(handle="two")
    for person in (one, two):
        FollowRequest.objects.create(requester=person, target=pia)
    browser = PlainBrowser(pia)
    browser.open("/requests")
    browser.press("Accept", within="@one")
    browser.press("Reject", within="@two")
    assert Follow.objects.get().follower == one
    assert not FollowRequest.objects.exists()
    browser.press_link("Your followers")
    browser.press("Remove", within="@one")
    assert not Follow.objects.exists()


def test_author_edits_and_deletes_a_post(alice):
    post = PostFactory(author=alice, caption="Low tied", photos=1)
    browser = PlainBrowser(alice)
    browser.open(f"/p/{post.pk}")
    browser.press_link("Edit")
    names = next(form.names for form in browser.page.forms if "caption" in form.names)
    alt_text = next(name for name in names if name.startswith("alt_texts."))
    browser.press("Save", caption="Low tide", **{alt_text: "A grey seal"})
    assert browser.url == f"/p/{post.pk}"
    assert "Low tide" in browser.page.text
    assert 'alt="A grey seal"' in browser.page.html
    browser.press_link("Delete")
    browser.press("Delete", within="")
    assert "Your post was deleted." in browser.page.text


def test_member_changes_settings_reads_notifications_and_signs_out(alice, bob, deliver):
    services.like(PostFactory(author=alice).pk, by=bob.pk)
    deliver()
    browser = PlainBrowser(alice)
    browser.open("/")
    browser.press_link("Activity")
    assert "likes your post" in browser.page.text
    browser.press("Mark all as read")
    browser.press_link("Settings")
    browser.press_link("Profile")
    browser.open("/settings/profile")
    browser.press("Save", bio="Tides and birds.")
    assert "Saved." in browser.page.text
    assert User.objects.get(pk=alice.pk).bio == "Tides and birds."
    browser.open("/settings/appearance")
    browser.press("Save", theme="dark")
    assert 'data-theme="dark"' in browser.page.html
    browser.open("/settings/privacy")
    browser.press("Save", is_private="on")
    assert User.objects.get(pk=alice.pk).is_private
    browser.press("Sign out")
    assert browser.url == "/"
    assert "Sign in" in browser.page.text
    assert Session.objects.get(user=alice).end_reason == "signed_out"
