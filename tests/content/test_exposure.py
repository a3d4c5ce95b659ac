"""Photos have public copies while everybody may see their post, and never longer."""

from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError, transaction
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import exposure, publication, services
from apps.content.models import Post, StaleExposure
from apps.core.models import QueuedTask
from apps.media.models import Media
from config.celery import app
from tests.factories import PASSWORD, MediaFactory, PostFactory, UserFactory
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def is_wanted_public(post):
    return set(Media.objects.filter(posts=post).values_list("wanted_public", flat=True)) == {True}


def run_tasks():
    """Run the enqueued tasks of this app. Those of the media app would look for objects that are not in storage."""
    for row in QueuedTask.objects.filter(task_name__in=[exposure.RECONCILE_ACCOUNT, publication.RECONCILE]):
        app.tasks[row.task_name].apply(kwargs=row.kwargs, throw=True)
        row.delete()


@pytest.fixture
def shown(alice):
    post = services.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk])
    run_tasks()
    assert is_wanted_public(post)
    return post


def processing_post(author):
    """A post whose only photo has become ready, and which is not published yet."""
    medium = MediaFactory(owner=author, status="uploaded")
    post = services.create_post(author_id=author.pk, media_ids=[medium.pk])
    Media.objects.filter(pk=medium.pk).update(status="ready", width=1, height=1, private_secret="s")
    return post


class TestOnePost:
    @pytest.mark.promise("P6")
    def test_narrowing_and_widening_take_effect_in_the_same_transaction(self, shown):
        services.update_post(shown, changes={"visibility": "followers"})
        assert not is_wanted_public(shown)
        services.update_post(shown, changes={"visibility": "public"})
        assert is_wanted_public(shown)

    @pytest.mark.promise("P10")
    def test_takedown_hides_photos_and_restoration_shows_them(self, shown):
        services.take_down(shown)
        assert not is_wanted_public(shown)
        services.restore(shown)
        assert is_wanted_public(shown)

    @pytest.mark.promise("P10")
    def test_takedown_revokes_the_urls_of_followers(self, alice):
        post = PostFactory(author=alice, visibility="followers")
        services.take_down(post)
        assert set(Media.objects.values_list("urls_revoked", flat=True)) == {True}

    def test_followers_only_photo_keeps_urls_when_the_account_goes_private(self, alice):
        PostFactory(author=alice, visibility="followers")
        accounts.update_profile(alice, changes={"is_private": True})
        exposure.reconcile_account(alice.pk)
        assert set(Media.objects.values_list("urls_revoked", flat=True)) == {False}

    def test_restored_followers_only_post_gets_no_public_copies(self, alice):
        post = PostFactory(author=alice, visibility="followers")
        services.take_down(post)
        services.restore(post)
        assert not is_wanted_public(post)

    @pytest.mark.parametrize("fields", [{"visibility": "followers"}, {"author": "private"}])
    def test_post_that_is_not_public_gets_no_public_copies(self, fields):
        author = UserFactory(is_private=fields.pop("author", "") == "private")
        post = services.create_post(author_id=author.pk, media_ids=[MediaFactory(owner=author).pk], **fields)
        run_tasks()
        assert post.status == "published"
        assert not is_wanted_public(post)

    def test_processing_post_gets_public_copies_when_published(self, alice):
        post = processing_post(alice)
        assert not is_wanted_public(post)
        publication.settle(post.pk)
        assert is_wanted_public(post)

    @pytest.mark.promise("P6")
    def test_post_narrowed_during_the_copy_has_no_public_copies(self, alice, monkeypatch):
        post = processing_post(alice)
        monkeypatch.setattr(
            publication.pipeline,
            "publish_variants",
            lambda _: services.update_post(post, changes={"visibility": "followers"}),
        )
        publication.settle(post.pk)
        post.refresh_from_db()
        assert post.status == "published"
        assert not is_wanted_public(post)


class TestAccounts:
    CHANGES = {
        "private": (
            lambda alice: accounts.update_profile(alice, changes={"is_private": True}),
            lambda alice: accounts.update_profile(alice, changes={"is_private": False}),
        ),
        "suspended": (lambda alice: accounts.suspend(alice, reason="spam"), accounts.unsuspend),
        "leaving": (
            lambda alice: accounts.leave(alice, password=PASSWORD),
            lambda alice: accounts.complete_sign_in(alice.pk),
        ),
    }

    @pytest.mark.promise("P10")
    @pytest.mark.parametrize("change", list(CHANGES))
    def test_photos_follow_the_privacy_of_the_account(self, alice, shown, change, monkeypatch):
        monkeypatch.setattr(exposure, "POSTS_AT_ONCE", 2)
        posts = [shown, *(PostFactory(author=alice, photos=2) for _ in range(4))]
        exposure.reconcile([post.pk for post in posts])
        hide, show = self.CHANGES[change]
        hide(alice)
        run_tasks()
        assert set(Media.objects.values_list("wanted_public", "urls_revoked")) == {(False, True)}
        show(alice)
        run_tasks()
        assert all(is_wanted_public(post) for post in posts)
        assert not StaleExposure.objects.exists()

    @pytest.mark.promise("P10")
    def test_lost_task_is_enqueued_again(self, alice, shown):
        accounts.update_profile(alice, changes={"is_private": True})
        QueuedTask.objects.all().delete()
        exposure.enqueue_due()
        assert not QueuedTask.objects.exists(), "the first task may still be running"
        with time_machine.travel(timezone.now() + timedelta(seconds=31)):
            exposure.enqueue_due()
        run_tasks()
        assert not is_wanted_public(shown)
        assert not StaleExposure.objects.exists()

    @pytest.mark.promise("P10")
    def test_failed_run_leaves_the_account_pending(self, alice, shown, monkeypatch):
        accounts.update_profile(alice, changes={"is_private": True})
        monkeypatch.setattr(exposure, "reconcile", raise_operational_error)
        with pytest.raises(OperationalError):
            exposure.reconcile_account(alice.pk)
        monkeypatch.undo()
        exposure.reconcile_account(alice.pk)
        assert not is_wanted_public(shown)

    def test_change_during_a_run_is_processed(self, alice, shown, monkeypatch):
        accounts.update_profile(alice, changes={"is_private": True})
        reconcile = exposure.reconcile

        def reconcile_and_change(ids):
            reconcile(ids)
            accounts.update_profile(User.objects.get(pk=alice.pk), changes={"is_private": False})

        monkeypatch.setattr(exposure, "reconcile", reconcile_and_change)
        exposure.reconcile_account(alice.pk)
        monkeypatch.undo()
        assert StaleExposure.objects.filter(author=alice).exists()
        exposure.reconcile_account(alice.pk)
        assert is_wanted_public(shown)

    def test_task_for_an_unknown_account_does_nothing(self, alice):
        exposure.reconcile_account(alice.pk)


@pytest.mark.django_db(transaction=True)
class TestR3Races:
    """Whatever the order, at rest a photo is exposed exactly while everybody may see its post."""

    ROUNDS = 8

    @staticmethod
    def reconcile_everything(alice):
        run_tasks()
        exposure.reconcile_account(alice.pk)
        for post in Post.objects.all():
            is_open = Post.objects.public().filter(pk=post.pk).exists()
            assert is_wanted_public(post) is is_open

    @pytest.mark.promise("R3")
    def test_post_narrowed_while_its_account_goes_public_stays_narrow(self):
        for _ in range(self.ROUNDS):
            alice = UserFactory(is_private=True)
            post = services.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk])
            accounts.update_profile(alice, changes={"is_private": False})
            actions = [
                lambda post=post: services.update_post(post, changes={"visibility": "followers"}),
                lambda alice=alice: exposure.reconcile_account(alice.pk),
            ]
            in_threads(2, lambda actions=actions: actions.pop()())
            assert not is_wanted_public(post)

    @pytest.mark.promise("R3")
    def test_post_created_while_the_account_goes_private_is_private(self):
        for _ in range(self.ROUNDS):
            alice = UserFactory()
            media_id = MediaFactory(owner=alice).pk
            actions = [
                lambda alice=alice, pk=media_id: services.create_post(author_id=alice.pk, media_ids=[pk]),
                lambda alice=alice: accounts.update_profile(alice, changes={"is_private": True}),
            ]
            in_threads(2, lambda actions=actions: actions.pop()())
            self.reconcile_everything(alice)

    @pytest.mark.promise("R3")
    def test_privacy_changed_before_the_task_runs_decides(self):
        alice = UserFactory()
        post = services.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk])
        accounts.update_profile(alice, changes={"is_private": True})
        self.reconcile_everything(alice)
        assert not is_wanted_public(post)

    @pytest.mark.promise("R3")
    def test_author_is_locked_before_visibility_is_decided(self):
        """The post is published and not committed, when the account becomes private."""
        alice = UserFactory()
        post = processing_post(alice)
        with transaction.atomic():
            publication.settle(post.pk)
            assert is_wanted_public(post)
            waited = in_threads(1, lambda: private_without_waiting(alice.pk))
        assert waited == ["waits"]
        accounts.update_profile(alice, changes={"is_private": True})
        self.reconcile_everything(alice)


def private_without_waiting(user_id):
    try:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True, nowait=True).get(pk=user_id)
            return "continued"
    except OperationalError:
        return "waits"


def raise_operational_error(*_):
    raise OperationalError("deadlock detected")
