"""Reports: created by users, closed by moderators."""

import pytest

from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.moderation import services
from apps.moderation.models import Flag, ModerationAction
from tests.conftest import Caller
from tests.factories import BlockFactory, CommentFactory, PostFactory, UserFactory
from tests.moderation.people import make_moderator
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
SPAM = {"category": "spam", "note": "Sells watches."}


@pytest.fixture
def things(alice, bob):
    """What of alice's can be reported: {kind: (path, id)}."""
    post = PostFactory(author=alice)
    comment = CommentFactory(post=PostFactory(author=bob), author=alice)
    return {
        "user": ("/moderation/users/@alice/flag", alice.pk),
        "post": (f"/moderation/posts/{post.pk}/flag", post.pk),
        "comment": (f"/moderation/comments/{comment.pk}/flag", comment.pk),
    }


@pytest.mark.parametrize("kind", ["user", "post", "comment"])
class TestReporting:
    def test_repeated_report_is_the_same_while_open(self, api, alice, carol, things, kind):
        path, pk = things[kind]
        first, again = api(carol).post(path, SPAM), api(carol).post(path, {"category": "hate"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert {**first.json(), "id": "", "created_at": ""} == {
            "id": "",
            "target_type": kind,
            "target_id": str(pk),
            "category": "spam",
            "rule": None,
            "note": "Sells watches.",
            "status": "open",
            "created_at": "",
        }
        assert Flag.objects.get().subject_id == alice.pk

    def test_report_by_another_user_or_after_closing_is_new(self, api, bob, carol, mod, things, kind):
        path, _ = things[kind]
        first = api(carol).post(path, SPAM).json()
        api(mod).post(f"/moderation/flags/{first['id']}/resolve", {"resolution": "dismissed"})
        assert api(carol).post(path, SPAM).status_code == 201
        assert api(mod).post(path, SPAM).status_code == 201

    def test_report_about_own_content_is_refused(self, api, alice, things, kind):
        answer = api(alice).post(things[kind][0], SPAM)
        assert (answer.status_code, answer.json()["code"]) == (400, "cannot_flag_self")
        assert not Flag.objects.exists()

    @pytest.mark.promise("P7")
    def test_invisible_content_cannot_be_reported(self, api, alice, mallory, things, kind):
        path, pk = things[kind]
        unseen, unknown = (api(mallory).post(p, SPAM) for p in (path, path.replace(spelled(kind, pk), str(new_id()))))
        assert unseen.status_code == 404
        assert {**unseen.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}

    @pytest.mark.parametrize(
        ("body", "field"),
        [({}, "category"), ({"category": "taste"}, "category"), ({"category": "spam", "note": "x" * 1001}, "note")],
    )
    def test_report_needs_a_known_category(self, api, carol, things, kind, body, field):
        answer = api(carol).post(things[kind][0], body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def spelled(kind, pk):
    return "@alice" if kind == "user" else str(pk)


def test_blocked_account_can_be_reported(api, alice, carol):
    BlockFactory(blocker=carol, blocked=alice)
    assert api(carol).post("/moderation/users/@alice/flag", SPAM).status_code == 201


@pytest.mark.promise("A4")
def test_reports_have_their_own_limit(api, carol, alice, settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"flag": (2, 3600)}
    answers = [api(carol).post("/moderation/users/@alice/flag", SPAM) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 429]
    assert api(carol).post("/users/@alice/follow").status_code == 200


@pytest.mark.promise("R2")
@pytest.mark.django_db(transaction=True)
def test_concurrent_reports_create_one():
    alice, carol = UserFactory(handle="alice"), UserFactory(handle="carol")
    for _ in range(5):
        post = PostFactory(author=alice)
        callers = [Caller(carol) for _ in range(4)]
        path = f"/moderation/posts/{post.pk}/flag"
        answers = in_threads(4, lambda path=path, callers=callers: callers.pop().post(path, SPAM))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
        assert len({answer.json()["id"] for answer in answers}) == 1


class TestClosing:
    @pytest.fixture
    def flag(self, alice, carol):
        return services.flag(PostFactory(author=alice), by=carol.pk, category="spam")[0]

    @pytest.mark.parametrize(("resolution", "action"), [("resolved", "resolve_flag"), ("dismissed", "dismiss_flag")])
    def test_closing_is_in_the_audit_once(self, api, mod, flag, resolution, action):
        path, body = f"/moderation/flags/{flag.pk}/resolve", {"resolution": resolution, "note": "Seen."}
        first, again = (api(mod).post(path, body) for _ in range(2))
        assert first.status_code == again.status_code == 200
        assert first.json() == again.json()
        assert first.json()["status"] == resolution
        row = ModerationAction.objects.get()
        assert (row.action, row.target_id, row.case_id, row.reason) == (action, flag.target_id, flag.pk, "Seen.")
        assert row.affected_id is None
        flag.refresh_from_db()
        assert (flag.resolved_by, flag.resolution_note) == (mod, "Seen.")
        assert flag.resolved_at is not None

    def test_closing_with_another_resolution_is_refused(self, api, mod, flag):
        path = f"/moderation/flags/{flag.pk}/resolve"
        api(mod).post(path, {"resolution": "resolved"})
        answer = api(mod).post(path, {"resolution": "dismissed"})
        assert (answer.status_code, answer.json()["code"]) == (409, "flag_closed")
        flag.refresh_from_db()
        assert flag.status == "resolved"

    def test_open_is_an_invalid_resolution(self, api, mod, flag):
        assert api(mod).post(f"/moderation/flags/{flag.pk}/resolve", {"resolution": "open"}).status_code == 400

    def test_reports_about_oneself_cannot_be_closed(self, api, mod, carol):
        flag = services.flag(mod, by=carol.pk, category="spam")[0]
        path = f"/moderation/flags/{flag.pk}/resolve"
        assert api(mod).post(path, {"resolution": "dismissed"}).json()["code"] == "cannot_moderate"
        assert api(make_moderator("chief", "admin")).post(path, {"resolution": "dismissed"}).status_code == 200

    def test_report_about_deleted_content_can_be_closed(self, api, mod, flag):
        Post.objects.all().delete()
        assert api(mod).post(f"/moderation/flags/{flag.pk}/resolve", {"resolution": "resolved"}).status_code == 200


class TestList:
    def test_reports_are_filtered_by_status_and_category(self, api, alice, bob, carol, mod):
        spam = services.flag(alice, by=carol.pk, category="spam")[0]
        hate = services.flag(alice, by=bob.pk, category="hate")[0]
        closed = services.flag(bob, by=carol.pk, category="hate")[0]
        services.resolve_flag(closed, by=mod, resolution="dismissed")

        def listed(query):
            return [row["id"] for row in api(mod).get(f"/moderation/flags{query}").json()["results"]]

        assert listed("") == [str(flag.pk) for flag in (closed, hate, spam)]
        assert listed("?status=open") == [str(hate.pk), str(spam.pk)]
        assert listed("?category=hate") == [str(closed.pk), str(hate.pk)]
        assert listed("?category=hate&status=dismissed") == [str(closed.pk)]

    @pytest.mark.promise("I3")
    @pytest.mark.parametrize("query", ["status=closed", "category=taste", "status=", "category=SPAM", "status=%00"])
    def test_unknown_filter_value_is_refused(self, api, mod, query):
        answer = api(mod).get(f"/moderation/flags?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
        assert answer.json()["errors"][0]["field"] == query.split("=")[0]
