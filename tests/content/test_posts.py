from contextlib import suppress

import pytest

from apps.content import publication, services
from apps.content.counters import POSTS
from apps.content.events import post_edited, post_failed, post_published
from apps.content.models import Post, PostMedia, Tag
from apps.core.db.ids import new_id
from apps.core.errors import NotFound
from apps.media.models import Media, PendingDeletion
from tests.conftest import Caller
from tests.factories import MediaFactory, PostFactory, UserFactory
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def post(caller, media, **fields):
    return caller.post("/posts", {"media_ids": [str(m.pk) for m in media]} | fields)


def suppressing_not_found(action):
    with suppress(NotFound):
        action()


def fault(answer):
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


@pytest.fixture
def hear(request):
    """`hear(fact)` lists what it is told with, until the test ends."""

    def listen(fact):
        told = []

        def note(**ids):
            told.append(ids)

        fact.receiver(note)
        request.addfinalizer(lambda: fact._signal.disconnect(dispatch_uid=f"{note.__module__}.{note.__qualname__}"))
        return told

    return listen


class TestPosting:
    def test_post_of_ready_photos_is_published_at_once_in_order(self, api, alice, bob):
        media = [MediaFactory(owner=alice) for _ in range(3)]
        shown = post(api(alice), media[::-1], caption="Tide #Husum @bob").json()
        assert shown["status"] == "published"
        assert [m["id"] for m in shown["media"]] == [str(m.pk) for m in media[::-1]]
        assert shown["tags"] == ["husum"]
        assert [(m["handle"], m["offset"], m["length"]) for m in shown["mentions"]] == [("bob", 12, 4)]
        assert shown["viewer"] == {"liked": False, "saved": False}
        assert api(alice).get("/users/me").json()["counts"]["posts"] == 1

    @pytest.mark.promise("P3")
    def test_medium_of_another_user_is_refused_like_an_unknown_id(self, api, alice, carol):
        foreign = post(api(carol), [MediaFactory(owner=alice)])
        random = api(carol).post("/posts", {"media_ids": [str(new_id())]})
        assert foreign.status_code == random.status_code == 400
        assert {**foreign.json(), "request_id": ""} == {**random.json(), "request_id": ""}
        assert fault(foreign) == {"media_ids.0": "invalid_media"}

    @pytest.mark.parametrize("state", ["pending", "failed", "in use", "avatar", "twice"])
    def test_unusable_media_are_refused_by_position(self, api, alice, state):
        good = MediaFactory(owner=alice)
        bad = {
            "pending": lambda: MediaFactory(owner=alice, status="pending"),
            "failed": lambda: MediaFactory(owner=alice, status="failed"),
            "in use": lambda: MediaFactory(owner=alice, in_use=True),
            "avatar": lambda: MediaFactory(owner=alice, purpose="avatar"),
            "twice": lambda: good,
        }[state]()
        answer = post(api(alice), [good, bad])
        assert set(fault(answer)) == {"media_ids.1"}
        assert not Post.objects.exists()
        assert not Media.objects.get(pk=good.pk).in_use

    @pytest.mark.promise("P8", "I2")
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"caption": "x" * 2201}, "too_long"),
            ({"caption": " ".join(f"#t{n}" for n in range(31))}, "too_many_tags"),
            ({"caption": " ".join(f"@person{n}" for n in range(21))}, "too_many_mentions"),
            ({"caption": "nul\0"}, "invalid_characters"),
            ({"caption": "over\u202eride"}, "invalid_characters"),
            ({"visibility": "secret"}, "invalid_choice"),
            ({"sensitive": "yes"}, "invalid"),
            ({"author": "x"}, "unknown_field"),
            ({"status": "published"}, "unknown_field"),
            ({"counts": {}}, "unknown_field"),
        ],
        ids=str,
    )
    def test_invalid_fields_are_refused_with_a_code(self, api, alice, fields, code):
        assert set(fault(post(api(alice), [MediaFactory(owner=alice)], **fields)).values()) == {code}

    def test_limits_count_code_points(self, api, alice):
        assert post(api(alice), [MediaFactory(owner=alice)], caption="👩" * 2200).status_code == 201

    @pytest.mark.promise("R4")
    def test_same_idempotency_key_creates_one_post(self, api, alice):
        body = {"media_ids": [str(MediaFactory(owner=alice).pk)], "caption": "once"}
        key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
        first, again = (api(alice).post("/posts", body, **key) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert again.headers["Idempotency-Replayed"] == "true"
        assert Post.objects.count() == 1
        other = api(alice).post("/posts", body | {"caption": "other"}, **key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        assert api(UserFactory()).post("/posts", body, **key).status_code == 400

    @pytest.mark.promise("R4")
    def test_refused_request_can_be_repeated_with_its_key(self, api, alice):
        key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
        pending = MediaFactory(owner=alice, status="pending")
        body = {"media_ids": [str(pending.pk)]}
        assert api(alice).post("/posts", body, **key).status_code == 400
        Media.objects.filter(pk=pending.pk).update(status="uploaded")
        assert api(alice).post("/posts", body, **key).status_code == 201

    @pytest.mark.promise("R4")
    @pytest.mark.django_db(transaction=True)
    def test_ten_concurrent_requests_with_a_key_create_one_post(self, alice):
        body = {"media_ids": [str(MediaFactory(owner=alice).pk)]}
        caller = Caller(alice)
        codes = in_threads(10, lambda: caller.post("/posts", body, HTTP_IDEMPOTENCY_KEY="k").status_code)
        assert set(codes) <= {201, 409}
        assert codes.count(201) >= 1
        assert Post.objects.count() == 1

    @pytest.mark.promise("R2")
    @pytest.mark.django_db(transaction=True)
    def test_medium_is_used_by_one_of_several_concurrent_posts(self, alice):
        media_id = MediaFactory(owner=alice).pk
        caller = Caller(alice)
        codes = in_threads(6, lambda: caller.post("/posts", {"media_ids": [str(media_id)]}).status_code)
        assert sorted(codes) == [201] + [400] * 5
        assert PostMedia.objects.get().medium_id == media_id

    @pytest.mark.django_db(transaction=True)
    def test_concurrent_posts_with_the_same_new_tags_do_not_deadlock(self):
        authors = [UserFactory() for _ in range(6)]
        media = {author: MediaFactory(owner=author) for author in authors}
        names = [f"#tag{n}" for n in range(30)]

        def make():
            author = authors.pop()
            caption = " ".join(names if len(authors) % 2 else reversed(names))
            return services.create_post(author_id=author.pk, media_ids=[media[author].pk], caption=caption)

        assert len(in_threads(6, make)) == 6
        assert Tag.objects.count() == 30


class TestProcessing:
    @pytest.fixture
    def waiting(self, alice):
        media = [MediaFactory(owner=alice, status="uploaded") for _ in range(2)]
        return services.create_post(author_id=alice.pk, media_ids=[m.pk for m in media])

    def ready(self, post):
        PostMedia.objects.filter(post=post)
        Media.objects.filter(posts=post).update(status="ready", width=1, height=1, private_secret="s")

    def test_post_is_published_when_all_media_are_ready(self, waiting, alice, deliver):
        publication.settle(waiting.pk)
        waiting.refresh_from_db()
        assert waiting.status == "processing"
        self.ready(waiting)
        publication.enqueue_due()
        deliver()
        waiting.refresh_from_db()
        assert waiting.status == "published"
        alice.refresh_from_db()
        assert alice.post_count == 1

    def test_post_fails_if_a_medium_fails(self, waiting, api, alice):
        Media.objects.filter(posts=waiting).update(status="failed", error_code="image_corrupt", error_detail="Damaged.")
        publication.settle(waiting.pk)
        shown = api(alice).get(f"/posts/{waiting.pk}").json()
        assert shown["status"] == "failed"
        assert shown["media"][0]["error"] == {"code": "image_corrupt", "detail": "Damaged."}

    def test_taken_down_post_is_counted_after_restoration(self, waiting, alice):
        services.take_down(waiting)
        self.ready(waiting)
        publication.settle(waiting.pk)
        assert list(POSTS.repair()) == []
        services.restore(waiting)
        alice.refresh_from_db()
        assert alice.post_count == 1

    def test_failed_post_shows_its_error_to_the_author(self, waiting, alice, hear):
        told = hear(post_failed)
        Media.objects.filter(posts=waiting).update(status="failed", error_code="image_corrupt")
        publication.settle(waiting.pk)
        publication.settle(waiting.pk)
        assert told == [{"post_id": str(waiting.pk), "author_id": str(alice.pk)}]

    def test_tasks_for_deleted_posts_do_nothing(self, db):
        publication.settle_post_with(new_id())
        publication.settle(new_id())

    @pytest.mark.promise("R2")
    @pytest.mark.django_db(transaction=True)
    def test_post_is_published_once_if_two_media_finish_at_once(self, alice, hear):
        media = [MediaFactory(owner=alice, status="uploaded")]
        post = services.create_post(author_id=alice.pk, media_ids=[m.pk for m in media])
        self.ready(post)
        told = hear(post_published)
        in_threads(8, lambda: publication.settle(post.pk))
        alice.refresh_from_db()
        assert alice.post_count == 1
        assert told == [{"post_id": str(post.pk), "author_id": str(alice.pk)}]


class TestEditing:
    def test_edit_changes_only_sent_fields_and_parses_the_caption(self, api, alice):
        shown = PostFactory(author=alice, caption="#old", sensitive=True)
        edited = api(alice).patch(f"/posts/{shown.pk}", {"caption": "#new"}).json()
        assert (edited["tags"], edited["sensitive"]) == (["new"], True)
        assert edited["edited_at"]

    def test_only_a_new_caption_marks_a_post_as_edited(self, api, alice):
        shown = PostFactory(author=alice, caption="as it was")
        unedited = [{}, {"caption": "as it was"}, {"sensitive": True}, {"visibility": "followers"}]
        for changes in unedited:
            assert api(alice).patch(f"/posts/{shown.pk}", changes).json()["edited_at"] is None
        assert api(alice).patch(f"/posts/{shown.pk}", {"caption": "as it is"}).json()["edited_at"] is not None

    def test_edit_without_changes_publishes_no_event(self, api, alice, hear):
        told = hear(post_edited)
        shown = PostFactory(author=alice, caption="as it was")
        api(alice).patch(f"/posts/{shown.pk}", {"caption": "as it was", "comments_enabled": True})
        assert told == []
        api(alice).patch(f"/posts/{shown.pk}", {"comments_enabled": False})
        assert told == [{"post_id": str(shown.pk), "author_id": str(alice.pk)}]

    @pytest.mark.promise("P8", "I3")
    @pytest.mark.parametrize(
        "field",
        [
            *("id", "author", "author_id", "owner", "status", "taken_down_at", "created_at", "edited_at", "is_open"),
            *("counts", "like_count", "viewer", "tags", "mentions", "media", "media_ids"),
        ],
    )
    def test_other_fields_cannot_be_written(self, api, alice, field):
        shown = PostFactory(author=alice)
        assert fault(api(alice).patch(f"/posts/{shown.pk}", {field: "x", "caption": "x"})) == {field: "unknown_field"}
        shown.refresh_from_db()
        assert shown.caption == ""

    @pytest.mark.promise("I2")
    @pytest.mark.parametrize(
        ("changes", "faults"),
        [
            ({"caption": None}, {"caption": "required"}),
            ({"caption": "x" * 2201}, {"caption": "too_long"}),
            ({"caption": "#" + " #".join(f"t{n}" for n in range(31))}, {"caption": "too_many_tags"}),
            ({"visibility": "everybody"}, {"visibility": "invalid_choice"}),
            ({"comments_enabled": 1}, {"comments_enabled": "invalid"}),
            ({"alt_texts": []}, {"alt_texts": "not_a_dict"}),
            ({"alt_texts": {"x": "y"}}, {"alt_texts.x": "invalid_media"}),
            ({"alt_texts": {"\0": "y"}}, {"alt_texts.\0": "invalid_media"}),
        ],
        ids=str,
    )
    def test_refused_edit_changes_nothing(self, api, alice, changes, faults):
        shown = PostFactory(author=alice, caption="as it was")
        assert fault(api(alice).patch(f"/posts/{shown.pk}", {"sensitive": True} | changes)) == faults
        shown.refresh_from_db()
        assert (shown.caption, shown.sensitive) == ("as it was", False)

    @pytest.mark.promise("P7")
    def test_other_users_get_403_for_visible_and_404_for_hidden_posts(self, api, alice, carol, mallory, mod):
        shown, hidden = PostFactory(author=alice), PostFactory(author=alice, visibility="followers")
        for verb in ("patch", "delete"):
            assert getattr(api(carol), verb)(f"/posts/{shown.pk}", {}).status_code == 403
            assert getattr(api(carol), verb)(f"/posts/{hidden.pk}", {}).status_code == 404
            assert getattr(api(mallory), verb)(f"/posts/{shown.pk}", {}).status_code == 404
            # A moderator sees the post; what a moderator may do to it, the moderation's verbs say.
            assert getattr(api(mod), verb)(f"/posts/{hidden.pk}", {}).status_code == 403

    def test_alt_texts_come_with_the_post_by_medium(self, api, alice):
        described, kept = (MediaFactory(owner=alice, alt_text=text) for text in ("Old", "Kept"))
        body = {"media_ids": [str(described.pk), str(kept.pk)], "alt_texts": {str(described.pk): "Two boats"}}
        created = api(alice).post("/posts", body).json()
        assert [m["alt_text"] for m in created["media"]] == ["Two boats", "Kept"]

    @pytest.mark.parametrize("key", ["x", "foreign"])
    def test_alt_text_of_another_medium_is_refused(self, api, alice, key):
        media = [str(MediaFactory(owner=alice).pk) for _ in range(2)]
        key = media[1] if key == "foreign" else key
        response = api(alice).post("/posts", {"media_ids": media[:1], "alt_texts": {key: "Two boats"}})
        assert fault(response) == {f"alt_texts.{key}": "invalid_media"}

    def test_alt_texts_are_set_by_medium(self, api, alice):
        shown = PostFactory(author=alice, photos=2)
        first = shown.items.first().medium_id
        edited = api(alice).patch(f"/posts/{shown.pk}", {"alt_texts": {str(first): "Two boats"}}).json()
        assert [m["alt_text"] for m in edited["media"]] == ["Two boats", ""]
        foreign = str(MediaFactory(owner=alice).pk)
        assert set(fault(api(alice).patch(f"/posts/{shown.pk}", {"alt_texts": {foreign: "x"}}))) == {
            f"alt_texts.{foreign}"
        }

    def test_second_request_with_etag_is_304(self, api, alice):
        shown = PostFactory(author=alice)
        first = api(alice).get(f"/posts/{shown.pk}")
        assert first.headers["Cache-Control"] == "private, no-cache"
        again = api(alice).get(f"/posts/{shown.pk}", HTTP_IF_NONE_MATCH=first.headers["ETag"])
        assert (again.status_code, again.content) == (304, b"")
        api(alice).patch(f"/posts/{shown.pk}", {"caption": "new"})
        assert api(alice).get(f"/posts/{shown.pk}", HTTP_IF_NONE_MATCH=first.headers["ETag"]).status_code == 200


class TestDeleting:
    @pytest.mark.promise("P10")
    def test_deleted_post_schedules_the_deletion_of_every_object(self, api, alice):
        shown = PostFactory(author=alice, photos=2)
        assert api(alice).delete(f"/posts/{shown.pk}").status_code == 204
        assert api(alice).delete(f"/posts/{shown.pk}").status_code == 404
        assert not Media.objects.exists()
        assert PendingDeletion.objects.count() == 2 * (1 + 6)
        assert api(alice).get("/users/me").json()["counts"]["posts"] == 0

    @pytest.mark.promise("R3")
    @pytest.mark.django_db(transaction=True)
    def test_post_deleted_during_publication_leaves_nothing(self):
        for _ in range(6):
            author = UserFactory()
            media = MediaFactory(owner=author, status="uploaded")
            shown = services.create_post(author_id=author.pk, media_ids=[media.pk])
            Media.objects.filter(pk=media.pk).update(status="ready", width=1, height=1, private_secret="s")
            deeds = [lambda post=shown: publication.settle(post.pk), lambda post=shown: services.delete_post(post)]
            in_threads(2, lambda deeds=deeds: deeds.pop()())
            author.refresh_from_db()
            assert author.post_count == 0
            assert not Post.objects.filter(pk=shown.pk).exists()
            assert not Media.objects.filter(pk=media.pk).exists()

    @pytest.mark.promise("R3")
    @pytest.mark.django_db(transaction=True)
    def test_edit_during_deletion_restores_nothing(self):
        for _ in range(6):
            author = UserFactory()
            shown = PostFactory(author=author)
            caller = Caller(author)
            deeds = [
                lambda c=caller, p=shown: c.delete(f"/posts/{p.pk}").status_code,
                lambda c=caller, p=shown: c.patch(f"/posts/{p.pk}", {"caption": "#late"}).status_code,
            ]
            assert set(in_threads(2, lambda deeds=deeds: deeds.pop()())) <= {204, 200, 404}
            assert not Post.objects.filter(pk=shown.pk).exists()

    @pytest.mark.promise("R1")
    @pytest.mark.django_db(transaction=True)
    def test_concurrent_takedown_restore_and_delete_keep_the_count(self):
        for _ in range(6):
            author = UserFactory()
            shown = [PostFactory(author=author) for _ in range(3)]
            deeds = [
                *(lambda p=p: services.take_down(p) for p in shown),
                lambda p=shown[0]: services.restore(p),
                lambda p=shown[2]: services.delete_post(p),
            ]
            in_threads(5, lambda deeds=deeds: suppressing_not_found(deeds.pop()))
            assert list(POSTS.repair(dry_run=True)) == []

    @pytest.mark.promise("R3")
    @pytest.mark.django_db(transaction=True)
    def test_concurrent_deletions_delete_once(self, alice):
        shown = PostFactory(author=alice)
        caller = Caller(alice)
        codes = in_threads(6, lambda: caller.delete(f"/posts/{shown.pk}").status_code)
        assert sorted(codes) == [204] + [404] * 5
        alice.refresh_from_db()
        assert alice.post_count == 0

    def test_restored_post_is_as_before_the_takedown(self, api, alice, carol):
        shown = PostFactory(author=alice)
        services.take_down(shown)
        services.take_down(shown)
        assert api(carol).get(f"/posts/{shown.pk}").status_code == 404
        assert api(alice).get(f"/posts/{shown.pk}").json()["status"] == "taken_down"
        assert api(carol).get("/users/@alice").json()["counts"]["posts"] == 0
        services.restore(shown)
        assert api(carol).get(f"/posts/{shown.pk}").status_code == 200
        assert api(carol).get("/users/@alice").json()["counts"]["posts"] == 1
