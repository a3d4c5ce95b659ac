"""Random small networks, and the expected feeds in them, computed without SQL."""

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
    """Publish a post as the pipeline does when the photos are ready."""
    post = PostFactory(author=author, photos=0, status="processing")
    with transaction.atomic():
        publication.publish(post)
    return post


def feed_of(viewer):
    follows = set(Follow.objects.filter(follower=viewer).values_list("followed", flat=True))
    muted = set(Mute.objects.filter(muter=viewer).values_list("muted", flat=True))
    active = set(User.objects.filter(state="active").values_list("pk", flat=True))
    authors = ((follows - muted) | {viewer.pk}) & active
    published = [post for post in Post.objects.all() if post.status == "published" and not post.taken_down_at]
    return sorted((post.pk for post in published if post.author_id in authors), reverse=True)


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

    def random_action(self):
        actor, target = self.dice.sample(self.people, 2)
        action = self.dice.choice(
            [self.post, self.post, self.post, self.follow, self.follow, self.mute, self.block, self.withdraw, self.hide]
        )
        action(actor, target)

    def post(self, actor, target):
        publish(actor)

    def follow(self, actor, target):
        if not self._may_meet(actor, target):
            return
        if Follow.objects.filter(follower=actor, followed=target).exists():
            social.unfollow(target.pk, by=actor.pk)
        else:
            social.follow(target.pk, by=actor.pk)

    def mute(self, actor, target):
        if not self._may_meet(actor, target):
            return
        if Mute.objects.filter(muter=actor, muted=target).exists():
            social.unmute(target.pk, by=actor.pk)
        else:
            social.mute(target.pk, by=actor.pk)

    def block(self, actor, target):
        if not self._may_meet(actor, target):
            return
        social.block(target.pk, by=actor.pk)
        if self.dice.random() < 0.7:
            social.unblock(target.pk, by=actor.pk)

    def withdraw(self, actor, target):
        posts = list(Post.objects.filter(author=actor).order_by("-id")[:3])
        if not posts:
            return
        post = self.dice.choice(posts)
        if post.taken_down_at:
            content.restore(post)
        elif self.dice.random() < 0.5:
            content.take_down(post)
        else:
            content.delete_post(post)

    def hide(self, actor, target):
        actor.refresh_from_db()
        accounts.unsuspend(actor) if actor.state == "suspended" else accounts.suspend(actor, reason="spam")

    def _may_meet(self, actor, target):
        actor.refresh_from_db()
        target.refresh_from_db()
        between = Block.objects.filter(blocker__in=[actor, target], blocked__in=[actor, target])
        return actor.state == target.state == "active" and not between.exists()
