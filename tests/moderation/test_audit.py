"""The audit: append-only, filtered, and served by indexes."""

import itertools
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.core.db.ids import first_id_at, moment_of, new_id
from apps.core.times import timestamp
from apps.moderation import services
from apps.moderation.api.filters import FlagFilter
from apps.moderation.models import Flag, ModerationAction
from tests.factories import PostFactory, UserFactory, many
from tests.moderation.people import make_moderator, suspended, taken_down
from tests.plans import analyze, explain, indexes_used, nodes, rows_read

pytestmark = pytest.mark.django_db


class TestAppendOnly:
    @pytest.fixture
    def action(self, alice, mod):
        return taken_down(PostFactory(author=alice), mod)

    @pytest.mark.promise("O1")
    @pytest.mark.parametrize(
        "change",
        [
            lambda row: ModerationAction.objects.update(reason=""),
            lambda row: ModerationAction.objects.filter(pk=row.pk).delete(),
            lambda row: ModerationAction.objects.all()._raw_delete("default"),
            lambda row: row.delete(),
            lambda row: row.save(),
            lambda row: ModerationAction.objects.bulk_update([row], ["reason"]),
            lambda row: run("UPDATE moderation_moderationaction SET reason = ''"),
            lambda row: run("DELETE FROM moderation_moderationaction"),
            lambda row: run("SET LOCAL session_replication_role = replica; DELETE FROM moderation_moderationaction"),
        ],
    )
    def test_rows_cannot_be_changed_by_orm_or_sql(self, action, change):
        before = list(ModerationAction.objects.values())
        # The statement of reasons goes with a person; it would be what stops the deletion.
        run("DELETE FROM moderation_statement")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change(action)
        assert list(ModerationAction.objects.values()) == before

    @pytest.mark.promise("O1")
    def test_table_cannot_be_truncated(self, action):
        # Off in tests, which empty all tables (see conftest.py).
        run("SET CONSTRAINTS ALL IMMEDIATE")
        run("ALTER TABLE moderation_moderationaction ENABLE ALWAYS TRIGGER audit_is_never_emptied")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            run("TRUNCATE moderation_moderationaction CASCADE")
        assert ModerationAction.objects.count() == 1

    def test_action_is_reversed_once(self, action, alice, mod):
        services.restore_post(alice.posts.get(), by=mod)
        row = {name: getattr(action, name) for name in ("target_type", "target_id", "category", "created_at")}
        with pytest.raises(IntegrityError, match="reverses"), transaction.atomic():
            ModerationAction.objects.create(action="restore", reverses=action, **row)


def run(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


class TestList:
    @pytest.fixture
    def listed(self, api, mod, alice, bob):
        """Four actions by two moderators; ask(query) answers their numbers."""
        other = make_moderator("other")
        post = PostFactory(author=alice)
        made = [
            taken_down(post, mod),
            services.restore_post(post, by=other),
            suspended(bob, mod),
            services.unsuspend(bob, by=mod),
        ]
        numbers = {str(action.pk): number for number, action in enumerate(made)}

        def ask(query):
            return [numbers[row["id"]] for row in api(mod).get(f"/moderation/audit?{query}").json()["results"]]

        ask.made, ask.post, ask.other, ask.bob = made, post, other, bob
        return ask

    def test_list_is_newest_first_and_filtered(self, listed):
        assert listed("") == [3, 2, 1, 0]
        assert listed(f"actor={listed.other.pk}") == listed("actor=@OTHER") == [1]
        assert listed("actor=me") == [3, 2, 0]
        assert listed(f"actor={new_id()}") == listed("actor=@nobody.here") == []
        assert listed("action=suspend") == [2]
        assert listed("target_type=post") == [1, 0]
        assert listed(f"target_id={listed.bob.pk}") == [3, 2]
        assert listed(f"actor=me&target_type=post&action=takedown&target_id={listed.post.pk}") == [0]
        assert listed("actor=@other&target_type=user") == []

    def test_list_is_filtered_by_time(self, listed):
        # Actions of the same millisecond cannot be told apart by their time.
        moments = [action.created_at for action in listed.made]
        cut = moments[2]
        later = [n for n, moment in reversed(list(enumerate(moments))) if moment >= cut]
        earlier = [n for n, moment in reversed(list(enumerate(moments))) if moment < cut]
        assert listed(f"since={timestamp(cut)}") == later
        assert listed(f"until={timestamp(cut)}") == earlier
        assert listed(f"since={timestamp(moments[0])}&until={timestamp(cut)}") == earlier
        assert listed("since=2126-01-01T00:00:00Z") == listed("until=1026-01-01T00:00:00Z") == []

    @pytest.mark.promise("I3")
    @pytest.mark.parametrize(
        "query",
        [
            "action=like",
            "target_type=flag",
            "target_id=x",
            "actor=alice",
            "actor=",
            "since=yesterday",
            "until=",
            "since=%00",
            "until=9999-12-31T23:59:59-14:00",
            "target_id=019AB8A4-6C1E-7D3F-9A51-3F5C0E7B2D10",
        ],
    )
    def test_invalid_input_is_refused(self, api, mod, query):
        answer = api(mod).get(f"/moderation/audit?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.split("=")[0])

    def test_a_cursor_belongs_to_its_filters(self, api, mod, listed):
        cursor = api(mod).get("/moderation/audit?limit=1&target_type=post").json()["next_cursor"]
        assert api(mod).get(f"/moderation/audit?target_type=post&cursor={cursor}").status_code == 200
        for query in ("", "target_type=user&", "target_type=post&actor=me&"):
            answer = api(mod).get(f"/moderation/audit?{query}cursor={cursor}")
            assert answer.json()["code"] == "invalid_cursor", query

    def test_deleted_actor_is_null(self, api, mod, listed):
        User.objects.filter(pk=listed.other.pk).delete()
        row = api(mod).get(f"/moderation/audit?actor={listed.other.pk}").json()["results"][0]
        assert row["actor"] is None


def test_time_and_first_id_match():
    pk = new_id()
    assert abs(moment_of(pk) - timezone.now()) < timedelta(seconds=5)
    assert first_id_at(moment_of(pk)) < pk < first_id_at(moment_of(pk) + timedelta(milliseconds=1))


@pytest.mark.slow
class TestIndexes:
    """On enough rows that a scan would be dearer than the index."""

    @pytest.fixture
    def people(self):
        return [UserFactory() for _ in range(20)]

    @pytest.fixture
    def actions(self, people, mod):
        kinds, acts = ["user", "post", "comment"], ModerationAction.Action.values
        rows, target = [], new_id()
        for number in range(12_000):
            pk = new_id()
            target = new_id() if number % 5 == 0 else target
            rows.append(
                ModerationAction(
                    id=pk,
                    created_at=moment_of(pk),
                    actor=people[number % 20] if number % 500 else mod,
                    action=acts[number // 7 % 8],
                    target_type=kinds[number // 3 % 3],
                    target_id=target if number % 1001 else mod.pk,
                    category="spam",
                )
            )
        many(rows)
        analyze("moderation_moderationaction", "accounts_user")

    @pytest.fixture
    def flags(self, people):
        statuses = ["resolved", "dismissed"]
        now = timezone.now()
        many(
            Flag(
                target_type="post",
                target_id=new_id(),
                subject=people[number % 20],
                category="hate" if number % 100 == 0 else "spam",
                status=statuses[number // 13 % 2] if number % 70 else "open",
                resolved_at=now if number % 70 else None,
            )
            for number in range(12_000)
        )
        analyze("moderation_flag", "accounts_user")

    def test_every_combination_of_audit_filters_has_an_index(self, actions, mod):
        names = ["actor", "action", "type", "id", "since"]
        for asked in (set(some) for n in range(6) for some in itertools.combinations(names, n)):
            conditions = {
                "actor": mod.pk if "actor" in asked else None,
                "action": "suspend" if "action" in asked else None,
                "target_type": "comment" if "type" in asked else None,
                "target_id": mod.pk if "id" in asked else None,
                "since": timezone.now() - timedelta(minutes=5) if "since" in asked else None,
            }
            plan = explain(ModerationAction.objects.with_outcome().matching(**conditions).order_by("-id")[:21])
            assert indexes_used(plan), asked
            assert rows_read(plan) <= 63, (asked, plan)

    def test_every_combination_of_report_filters_has_an_index(self, flags):
        for status, category in itertools.product([None, "open"], [None, "hate"]):
            filters = FlagFilter({"status": status, "category": category}, Flag.objects.listed())
            plan = explain(filters.qs.order_by("-id")[:21])
            assert not [node for node in nodes(plan) if node["Node Type"] in {"Seq Scan", "Sort"}]
            assert rows_read(plan) <= 21
