"""Small worlds by chance, and what everybody's feed is in them, worked out without SQL."""

import random

from django.db import transaction

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import publication
from apps.content import services as content
from apps.content.models import Post
from apps.feed import reading, timeline
from apps.social import services as social
from apps.social.models import Block, Follow, Mute
from tests.factories import PostFactory, UserFactory


def publish(author):
    """As the pipeline does when the photos are ready."""
    post = PostFactory(author=author, photos=0, status="processing")
    with transaction.atomic():
        publication.publish(post)
    return post


def feed_of(viewer):
    follows = set(Follow.objects.filter(follower=viewer).values_list("followed", flat=True))
    muted = set(Mute.objects.filter(muter=viewer).values_list("muted", flat=True))
    active = set(User.objects.filter(state="active").values_list("pk", flat=True))
    authors = ((follows - muted) | {viewer.pk}) & active
    standing = [post for post in Post.objects.all() if post.status == "published" and not post.taken_down_at]
    return sorted((post.pk for post in standing if post.author_id in authors), reverse=True)


def posts_for(viewer):
    """The `fetch` of a page: it returns the posts themselves."""
    posts = timeline.in_feed_of(viewer.pk, Post.objects.visible_to(viewer.pk))
    return lambda ids: {post.pk: post for post in posts.filter(pk__in=ids)}


def page_of(viewer, *, limit=20, before=None):
    ids, posts = reading.page(viewer.pk, posts_for(viewer), limit=limit, before=before)
    assert set(posts) == set(ids), "every id has a post that the viewer may see"
    return ids


def walk(viewer, *, limit=3):
    seen, before = [], None
    while page := page_of(viewer, limit=limit, before=before):
        seen += page
        before = page[-1]
    return seen


class World:
    def __init__(self, seed, *, people=5):
        self.dice = random.Random(seed)
        self.people = [UserFactory() for _ in range(people)]

    def deed(self):
        one, other = self.dice.sample(self.people, 2)
        act = self.dice.choice(
            [self.post, self.post, self.post, self.tie, self.tie, self.mute, self.block, self.withdraw, self.hide]
        )
        act(one, other)

    def post(self, one, other):
        publish(one)

    def tie(self, one, other):
        if not self._may_meet(one, other):
            return
        if Follow.objects.filter(follower=one, followed=other).exists():
            social.unfollow(other.pk, by=one.pk)
        else:
            social.follow(other.pk, by=one.pk)

    def mute(self, one, other):
        if not self._may_meet(one, other):
            return
        if Mute.objects.filter(muter=one, muted=other).exists():
            social.unmute(other.pk, by=one.pk)
        else:
            social.mute(other.pk, by=one.pk)

    def block(self, one, other):
        if not self._may_meet(one, other):
            return
        social.block(other.pk, by=one.pk)
        if self.dice.random() < 0.7:
            social.unblock(other.pk, by=one.pk)

    def withdraw(self, one, other):
        posts = list(Post.objects.filter(author=one).order_by("-id")[:3])
        if not posts:
            return
        post = self.dice.choice(posts)
        if post.taken_down_at:
            content.restore(post)
        elif self.dice.random() < 0.5:
            content.take_down(post)
        else:
            content.delete_post(post)

    def hide(self, one, other):
        one.refresh_from_db()
        accounts.unsuspend(one) if one.state == "suspended" else accounts.suspend(one, reason="spam")

    def _may_meet(self, one, other):
        one.refresh_from_db()
        other.refresh_from_db()
        across = Block.objects.filter(blocker__in=[one, other], blocked__in=[one, other])
        return one.state == other.state == "active" and not across.exists()
