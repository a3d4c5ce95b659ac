"""Media on their way into a post: claimed under lock, then attached."""

import pytest
from django.db import transaction

from apps.core.errors import Invalid
from apps.core.models import QueuedTask
from apps.media import services
from apps.media.models import Media
from tests.factories import MediaFactory, UserFactory
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


class TestClaiming:
    def test_the_media_come_in_the_order_given(self, alice):
        photos = [MediaFactory(owner=alice) for _ in range(3)]
        wanted = [photos[2].pk, photos[0].pk, photos[1].pk]
        assert [medium.pk for medium in services.claim_for_post(alice.pk, wanted)] == wanted

    def test_what_a_post_needs_to_know_is_loaded_with_them(self, alice, django_assert_max_num_queries):
        photo = MediaFactory(owner=alice, alt_text="Two boats", status="processing")
        with django_assert_max_num_queries(1):
            [claimed] = services.claim_for_post(alice.pk, [photo.pk])
            assert (claimed.status, claimed.alt_text, claimed.blocked_as) == ("processing", "Two boats", None)

    @pytest.mark.parametrize(
        "fields", [{"status": "pending"}, {"status": "failed"}, {"in_use": True}, {"purpose": "avatar"}], ids=str
    )
    def test_unusable_media_are_refused_by_position(self, alice, fields):
        good, bad = MediaFactory(owner=alice), MediaFactory(owner=alice, **fields)
        with pytest.raises(Invalid) as refusal:
            services.claim_for_post(alice.pk, [good.pk, bad.pk])
        assert [error["field"] for error in refusal.value.extra["errors"]] == ["media_ids.1"]

    def test_media_of_another_user_are_refused(self, alice, bob):
        with pytest.raises(Invalid):
            services.claim_for_post(alice.pk, [MediaFactory(owner=bob).pk])

    @pytest.mark.django_db(transaction=True)
    def test_a_medium_claimed_twice_at_once_goes_into_one_post(self):
        alice = UserFactory(handle="alice")
        photo = MediaFactory(owner=alice)

        def post() -> str:
            try:
                with transaction.atomic():
                    services.claim_for_post(alice.pk, [photo.pk])
                    services.attach_to_post([photo.pk])
            except Invalid:
                return "refused"
            return "posted"

        assert sorted(in_threads(2, post)) == ["posted", "refused"]


class TestAttaching:
    def test_attached_media_are_in_use(self, alice, django_assert_max_num_queries):
        photos = [MediaFactory(owner=alice) for _ in range(3)]
        with django_assert_max_num_queries(1):
            services.attach_to_post([photo.pk for photo in photos])
        for photo in Media.objects.all():
            assert (photo.in_use, photo.wanted_public, photo.next_attempt_at) == (True, False, None)
        assert not QueuedTask.objects.exists()
