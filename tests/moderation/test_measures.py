"""Graded measures: effect, idempotency, statement, undoing and appeals; hashtags; team notes."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apps.accounts import privacy as account_privacy
from apps.accounts.models import User
from apps.content import repair, sensitivity
from apps.content import services as content
from apps.content.models import Post, Tag
from apps.core.db.ids import first_id_at
from apps.core.errors import DomainError, NotFound
from apps.feed import explore
from apps.feed.models import ExploreScore
from apps.moderation import housekeeping, notes, privacy, services, tags
from apps.moderation.cases import decisions, measures, queue
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Appeal, Flag, ModerationAction, StaffAct, Statement, TeamNote
from apps.moderation.transparency.report import build_report
from apps.moderation.transparency.statistics import Period, overview, workload
from tests.factories import MediaFactory, PostFactory, UserFactory
from tests.moderation.people import BECAUSE, make_moderator, suspended, taken_down
from tests.threads import in_threads, meet_at

pytestmark = pytest.mark.django_db


def posted(author, caption="tide", **fields):
    """For followers, as photos of public posts would be copied."""
    given = {"visibility": "followers"} | fields
    return content.create_post(author_id=author.pk, media_ids=[MediaFactory(owner=author).pk], caption=caption, **given)


@pytest.fixture
def post(alice):
    return PostFactory(author=alice)


@pytest.fixture
def other(db):
    return make_moderator("other")


# path → (the action, its end, a text of the statement, a text about the end)
MEASURES = {
    "posts/{post}/mark-sensitive": (
        "mark_sensitive",
        "unmark_sensitive",
        "covered until a reader asks",
        "We have removed the mark from your post of",
    ),
    "posts/{post}/limit": (
        "limit_reach",
        "restore_reach",
        "It stays visible on your profile",
        "We have lifted the limit on your post of",
    ),
    "users/{alice}/limit": (
        "limit_reach",
        "restore_reach",
        "your followers see them",
        "We have lifted the limit on your account.",
    ),
    "users/{alice}/warn": ("warn", "withdraw_warning", "This is a warning", "We have withdrawn the warning"),
}


def state(post, alice):
    post.refresh_from_db()
    alice.refresh_from_db()
    return {
        "sensitive": post.sensitive,
        "post": post.reach_limited,
        "account": alice.reach_limited,
        "warnings": ModerationAction.objects.in_force().filter(action="warn").count(),
    }


BEFORE = {"sensitive": False, "post": False, "account": False, "warnings": 0}
EFFECTS = {
    "posts/{post}/mark-sensitive": {"sensitive": True},
    "posts/{post}/limit": {"post": True},
    "users/{alice}/limit": {"account": True},
    "users/{alice}/warn": {"warnings": 1},
}


class TestMeasures:
    @pytest.fixture(params=list(MEASURES))
    def path(self, request):
        return request.param

    @pytest.fixture
    def take(self, api, alice, mod, post, path):
        place = path.format(post=post.pk, alice=alice.pk)
        return lambda **more: api(mod).post(f"/moderation/{place}", BECAUSE | more)

    def test_measure_has_its_effect_and_a_statement_until_it_is_undone(
        self, api, alice, carol, mod, post, path, take, deliver
    ):
        action, end, text, text_of_end = MEASURES[path]
        answer = take()
        assert (answer.status_code, answer.json()["action"], answer.json()["reversed_at"]) == (200, action, None)
        assert state(post, alice) == BEFORE | EFFECTS[path]
        pk = answer.json()["id"]
        statement = api(alice).get(f"/moderation/actions/{pk}/statement").json()
        assert statement["can_appeal"]
        assert text in statement["paragraphs"][0]
        assert "Reason given: Sells watches." in statement["paragraphs"][1]
        assert api(carol).get(f"/moderation/actions/{pk}/statement").status_code == 404
        deliver()
        [letter] = mail.outbox
        assert (letter.to, letter.subject) == ([alice.email], statement["subject"])
        assert text in letter.body
        assert "Appeal this decision" in letter.body
        undone = api(mod).post(f"/moderation/actions/{pk}/undo", {"reason": "A mistake."})
        assert (undone.status_code, undone.json()["action"]) == (200, end)
        assert state(post, alice) == BEFORE
        again = api(mod).post(f"/moderation/actions/{pk}/undo", {"reason": "A mistake."})
        assert (again.status_code, again.json()["code"]) == (409, "nothing_to_undo")
        deliver()
        assert text_of_end in mail.outbox[1].body
        assert "Reason given: A mistake." in mail.outbox[1].body
        assert "Appeal this" not in mail.outbox[1].body

    def test_repeated_measure_is_idempotent_but_a_warning(self, mod, path, take):
        first, second = take(), take(reason="Another.")
        assert (first.json()["id"] == second.json()["id"]) == (path != "users/{alice}/warn")

    def test_overturned_appeal_undoes_the_measure(self, api, alice, mod, other, post, path, take):
        pk = take().json()["id"]
        appeal = api(alice).post(f"/moderation/actions/{pk}/appeal", {"text": "No."})
        assert appeal.status_code == 201
        decided = f"/moderation/appeals/{appeal.json()['id']}/decide"
        assert api(mod).post(decided, {"decision": "overturn"}).json()["code"] == "own_decision"
        assert api(other).post(decided, {"decision": "overturn", "note": "Right."}).status_code == 200
        assert state(post, alice) == BEFORE
        assert not ModerationAction.objects.in_force().exists()


def test_measure_needs_a_reason_and_a_category(api, mod, post):
    for path in ("mark-sensitive", "limit"):
        for missing in ({"reason": ""}, {"category": "made_up"}, {"reason": "x" * 1001}):
            assert api(mod).post(f"/moderation/posts/{post.pk}/{path}", BECAUSE | missing).status_code == 400
    assert not ModerationAction.objects.exists()


def test_measures_on_one_target_do_not_replace_one_another(alice, mod, other, post):
    """Each is undone by itself, whatever was decided after it."""
    marked = measures.mark_sensitive(post, by=mod, **BECAUSE)
    limited = measures.limit_post(post, by=mod, **BECAUSE)
    down = taken_down(post, mod)
    assert {row.pk for row in ModerationAction.objects.in_force()} == {marked.pk, limited.pk, down.pk}
    services.restore_post(post, by=mod)
    assert not Post.objects.get().taken_down_at
    services.decide_appeal(services.appeal(marked, by=alice.pk, text="No."), by=other, overturn=True)
    assert state(post, alice) == BEFORE | {"post": True}
    for measure in (measures.limit_account(alice, by=mod, **BECAUSE), measures.warn(alice, by=mod, **BECAUSE)):
        assert measure in ModerationAction.objects.in_force()
    suspended(alice, mod)
    services.unsuspend(alice, by=mod)
    assert state(post, alice) == BEFORE | {"post": True, "account": True, "warnings": 1}
    assert services.unsuspend(alice, by=mod).action == "unsuspend", "idempotent beside other measures"


def test_moderators_take_no_measures_on_themselves_or_staff_of_their_rank(mod, other):
    for person in (mod, other):
        for measure, row in (
            (measures.limit_account, person),
            (measures.warn, person),
            (measures.mark_sensitive, PostFactory(author=person)),
            (measures.limit_post, PostFactory(author=person)),
        ):
            with pytest.raises(services.CannotModerate):
                measure(row, by=mod, **BECAUSE)
    with pytest.raises(services.CannotModerate):
        notes.add(mod, by=mod, text="x")


def test_measures_on_staff_are_undone_by_a_higher_rank(mod, other):
    chief = make_moderator("chief", "admin")
    for measure, row in ((measures.limit_account, other), (measures.mark_sensitive, PostFactory(author=other))):
        action = measure(row, by=chief, **BECAUSE)
        for moderator in (mod, other):
            with pytest.raises(services.CannotModerate):
                queue.undo(action, by=moderator, reason="x")
        assert queue.undo(action, by=chief, reason="x").reverses == action


def test_account_that_is_being_erased_is_not_warned(alice, mod):
    User.objects.filter(pk=alice.pk).update(state="erased")
    with pytest.raises(NotFound):
        measures.warn(alice, by=mod, **BECAUSE)
    assert not ModerationAction.objects.exists()


def test_measure_on_a_deleted_target_is_not_found_and_undoing_too(alice, mod, post):
    limited = measures.limit_post(post, by=mod, **BECAUSE)
    content.delete_post(post)
    for call in (
        lambda: measures.mark_sensitive(post, by=mod, **BECAUSE),
        lambda: queue.undo(limited, by=mod, reason="x"),
    ):
        with pytest.raises(NotFound):
            call()


def test_warning_accepts_an_idempotency_key(api, alice, mod):
    for _ in range(2):
        answer = api(mod).post(f"/moderation/users/{alice.pk}/warn", BECAUSE, headers={"Idempotency-Key": "w1"})
        assert answer.status_code == 200
    assert ModerationAction.objects.count() == 1


def test_bulk_warning_warns_each_person_once(alice, carol, mod):
    targets = [PostFactory(author=person) for person in (alice, alice, carol)]
    for row in targets:
        services.flag(row, by=UserFactory().pk, category="spam")
    sweep = queue.decide_many([Target.of(row) for row in targets], by=mod, decision="warn", **BECAUSE)
    assert (sweep.done, sweep.closed, sweep.refused) == (3, 3, [])
    warnings = ModerationAction.objects.filter(action="warn")
    assert sorted(str(row.affected_id) for row in warnings) == sorted([str(alice.pk), str(carol.pk)])
    assert not Flag.objects.open().exists()


@pytest.mark.parametrize(("decision", "subject"), [("mark_sensitive", "marked as sensitive"), ("limit_post", "reach")])
def test_bulk_measures_on_posts_are_announced_in_one_mail(alice, mod, deliver, decision, subject):
    targets = [Target.of(PostFactory(author=alice, caption=f"No {n}")) for n in range(3)]
    measures.limit_account(alice, by=mod, **BECAUSE)
    deliver()
    mail.outbox.clear()
    queue.decide_many(targets, by=mod, decision=decision, **BECAUSE)
    deliver()
    [letter] = mail.outbox
    assert subject in letter.subject
    assert "3 of your posts" in letter.body
    assert letter.body.count("Appeal this decision") == 3
    assert not Statement.objects.filter(mailed_at=None).exists()


def test_statistics_and_report_count_graded_measures(alice, mod, post):
    services.flag(post, by=UserFactory().pk, category="spam")
    measures.mark_sensitive(post, by=mod, **BECAUSE)
    measures.limit_account(alice, by=mod, **BECAUSE)
    queue.undo(measures.warn(alice, by=mod, **BECAUSE), by=mod, reason="x")
    period = Period.of_days(1)
    [share] = workload(period)
    assert (share.graded, share.undone, share.takedowns) == (3, 1, 0)
    assert dict(overview(period).outcomes)["warn"] == 1
    report = build_report(period)
    assert report.figure("warnings").value == report.figure("warnings_withdrawn").value == 1
    assert report.figure("actions_on_notices").value == report.figure("own_initiative").value == 1
    by = {"restriction": "sensitive mark of post", "category": "spam"}
    assert report.figure("actions_on_notices", **by).value == 1
    assert report.figure("statements").value == 2


# ── Sensitive posts ──────────────────────────────────────────────────────────────────────────────────────
def edit(caller, post, **changes):
    return caller.patch(f"/posts/{post.pk}", changes)


@pytest.mark.parametrize("chosen", [True, False])
def test_author_cannot_unmark_a_marked_post_and_gets_the_own_choice_back(api, alice, bob, mod, chosen):
    post = posted(alice, sensitive=chosen)
    mark = measures.mark_sensitive(post, by=mod, **BECAUSE)
    assert api(bob).get(f"/posts/{post.pk}").json()["sensitive"] is True
    refused = edit(api(alice), post, sensitive=False)
    assert (refused.status_code, refused.json()["code"]) == (409, "marked_sensitive")
    assert edit(api(alice), post, caption="New.", comments_enabled=False).status_code == 200
    assert edit(api(alice), post, sensitive=True).status_code == 200
    queue.undo(mark, by=mod, reason="x")
    assert api(bob).get(f"/posts/{post.pk}").json()["sensitive"] is chosen
    assert edit(api(alice), post, sensitive=not chosen).json()["sensitive"] is not chosen


class TestTags:
    @pytest.fixture
    def restrict(self, api, mod):
        def restrict(tag, **changes):
            return api(mod).patch(f"/moderation/tags/{tag}", {"reason": "Drugs."} | changes)

        return restrict

    def test_hidden_tag_is_not_in_search_and_its_posts_are_not_in_explore(self, api, anonymous, alice, mod, restrict):
        def public(caption):
            return posted(alice, caption, visibility="public")

        tagged, plain = public("tide #Snow"), public("tide #snowy")
        explore.keep_scores()

        def found(path):
            return [row.get("id") or row.get("tag") for row in anonymous.get(path).json()["results"]]

        assert found("/explore") == [str(plain.pk), str(tagged.pk)]
        answer = restrict("snow", hidden=True)
        assert (answer.status_code, answer.json()["hidden"], answer.json()["sensitive"]) == (200, True, False)
        explore.drop_hidden_tags()
        assert found("/explore") == [str(plain.pk)]
        late = public("#snow again")
        explore.keep_scores()
        assert found("/explore") == [str(plain.pk)]
        assert found("/search/tags?q=sno") == ["snowy"]
        assert found("/search/posts?q=%23snow") == []
        assert found("/search/posts?q=tide") == [str(plain.pk), str(tagged.pk)], "only the tag is hidden"
        assert found("/tags/snow/posts") == [str(late.pk), str(tagged.pk)]
        assert [row["name"] for row in api(mod).get("/moderation/tags").json()["results"]] == ["snow"]
        restrict("%23SNOW", hidden=False)
        explore.keep_scores()
        assert found("/explore")[0] == str(late.pk)
        assert found("/search/tags?q=sno") == ["snow", "snowy"]
        assert list(StaffAct.objects.order_by("id").values_list("act", "reason")) == [
            ("hide_tag", "Drugs."),
            ("show_tag", "Drugs."),
        ]

    def test_edited_post_with_a_hidden_tag_leaves_explore(self, api, anonymous, alice, restrict):
        post = posted(alice, "tide", visibility="public")
        explore.keep_scores()
        restrict("snow", hidden=True)
        edit(api(alice), post, caption="#snow")
        explore.keep_scores()
        assert not ExploreScore.objects.exists()

    def test_posts_of_a_sensitive_tag_are_sensitive(self, api, alice, bob, restrict, deliver):
        old, own, other = posted(alice, "#fire"), posted(alice, "#fire", sensitive=True), posted(alice, "#water")
        restrict("fire", sensitive=True)
        deliver()
        new = posted(alice, "#water #fire")

        def shown():
            answers = [api(bob).get(f"/posts/{row.pk}").json() for row in (old, own, other, new)]
            return [answer["sensitive"] for answer in answers]

        assert shown() == [True, True, False, True]
        refused = edit(api(alice), new, sensitive=False)
        assert (refused.status_code, refused.json()["code"]) == (409, "sensitive_tag")
        assert edit(api(alice), new, sensitive=False, caption="#water").json()["sensitive"] is False
        assert edit(api(alice), other, caption="#fire").json()["sensitive"] is True
        assert edit(api(alice), other, caption="#water").json()["sensitive"] is False
        restrict("fire", sensitive=False)
        deliver()
        assert shown() == [False, True, False, False]

    def test_mark_of_a_moderator_survives_the_tag(self, alice, mod, restrict, deliver):
        post = posted(alice, "#fire")
        mark = measures.mark_sensitive(post, by=mod, **BECAUSE)
        restrict("fire", sensitive=True)
        restrict("fire", sensitive=False)
        deliver()
        assert state(post, alice)["sensitive"] is True
        restrict("fire", sensitive=True)
        queue.undo(mark, by=mod, reason="x")
        assert state(post, alice)["sensitive"] is True, "the tag still marks it"

    def test_repair_settles_posts_that_were_written_while_the_tag_was_marked(self, alice):
        post = posted(alice, "#fire")
        Tag.objects.update(sensitive=True)
        assert [drift.pk for drift in repair.wrong_fields(repair.BatchRunner(), only="post.sensitive")] == [post.pk]
        assert state(post, alice)["sensitive"] is True
        assert sensitivity.settle([post.pk]) == 0

    @pytest.mark.parametrize(
        ("tag", "body"),
        [("2026", {}), ("a b", {}), ("x" * 101, {}), ("snow", {"reason": " "}), ("snow", {"hidden": "yes"})],
    )
    def test_invalid_restriction_is_refused(self, restrict, tag, body):
        assert restrict(tag, **({"hidden": True} | body)).status_code == 400
        assert not StaffAct.objects.exists()

    def test_unused_tag_can_be_restricted_and_repeating_changes_nothing(self, mod):
        for _ in range(2):
            tag = tags.restrict("#Snow", by=mod, reason="Drugs.", hidden=True)
        assert (tag.name, tag.hidden) == ("snow", True)
        assert StaffAct.objects.count() == 1


# ── Team notes ───────────────────────────────────────────────────────────────────────────────────────────
class TestNotes:
    def test_notes_are_for_moderators_only(self, api, alice, mod, other):
        written = api(mod).post("/moderation/users/@alice/notes", {"text": " Second account. "})
        assert (written.status_code, written.json()["text"], written.json()["author"]["handle"]) == (
            201,
            "Second account.",
            "mod",
        )
        assert api(other).get("/moderation/users/@alice/notes").json()["results"] == [written.json()]
        assert "Second account" not in api(alice).get("/users/me").content.decode()
        assert list(StaffAct.objects.values_list("act", flat=True)) == ["add_team_note"]

    def test_each_note_is_kept(self, api, alice, mod):
        for _ in range(2):
            api(mod).post("/moderation/users/@alice/notes", {"text": "Again."})
        assert TeamNote.objects.count() == 2

    @pytest.mark.parametrize("text", ["", "  ", "x" * 2001, None, "\x00"])
    def test_note_needs_a_text(self, api, alice, mod, text):
        assert api(mod).post("/moderation/users/@alice/notes", {"text": text}).status_code == 400

    def test_moderators_do_not_read_notes_about_themselves(self, api, mod):
        notes.add(mod, by=make_moderator("senior", "senior_moderator"), text="Be careful.")
        assert api(mod).get("/moderation/users/@mod/notes").json()["results"] == []
        assert notes.list_about(mod.pk, by=mod) == []

    def test_author_and_senior_moderators_delete_a_note(self, api, alice, mod, other):
        senior = make_moderator("senior", "senior_moderator")
        for deleting, status in ((other, 403), (mod, 204), (senior, 204)):
            note = notes.add(alice, by=mod, text="x")
            assert api(deleting).delete(f"/moderation/notes/{note.pk}").status_code == status
        assert TeamNote.objects.count() == 1
        assert StaffAct.objects.filter(act="delete_team_note").count() == 2

    def test_notes_are_exported_and_erased_with_the_account(self, alice, bob, mod):
        notes.add(alice, by=mod, text="About alice.")
        about_bob = notes.add(bob, by=mod, text="About bob.")
        exported = [row for kind, row in privacy.export(alice.pk) if kind == "team_notes"]
        assert [set(row) for row in exported] == [{"text", "created_at"}], "not who wrote it"
        privacy.erase(alice.pk)
        privacy.erase(mod.pk)
        assert [(note.pk, note.author) for note in TeamNote.objects.all()] == [(about_bob.pk, None)]

    def test_old_notes_are_deleted(self, alice, mod, settings):
        before = first_id_at(timezone.now() - settings.TEAM_NOTE_LIFETIME - timedelta(days=1))
        TeamNote.objects.create(id=before, person=alice, text="old")
        notes.add(alice, by=mod, text="new")
        assert housekeeping.purge_team_notes() == 1
        assert TeamNote.objects.get().text == "new"


def test_export_of_the_account_contains_its_limit(alice, mod):
    measures.limit_account(alice, by=mod, **BECAUSE)
    [account] = [row for kind, row in account_privacy.export(alice.pk) if kind == "account"]
    assert account["reach_limited"] is True
    assert User.objects.get(pk=alice.pk).reach_limited


GRADED = {
    "mark": lambda post, mod: measures.mark_sensitive(post, by=mod, **BECAUSE),
    "limit": lambda post, mod: measures.limit_post(post, by=mod, **BECAUSE),
    "limit the account": lambda post, mod: measures.limit_account(post.author, by=mod, **BECAUSE),
    "warn": lambda post, mod: measures.warn(post.author, by=mod, **BECAUSE),
}


def outcome(call):
    """ "done", or the class of the error."""
    try:
        call()
    except DomainError as error:
        return type(error)
    return "done"


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    @pytest.mark.parametrize("measure", ["mark", "limit", "limit the account"])
    def test_concurrent_measures_make_one_action(self, mod, post, measure, monkeypatch):
        meet_at(monkeypatch, services, "record_on")
        results = in_threads(2, lambda: GRADED[measure](post, mod).pk)
        assert len(set(results)) == ModerationAction.objects.count() == 1

    @pytest.mark.parametrize("measure", GRADED)
    def test_concurrent_appeals_create_one(self, alice, mod, post, measure, monkeypatch):
        action = GRADED[measure](post, mod)
        meet_at(monkeypatch, services, "is_in_force")
        results = in_threads(2, lambda: outcome(lambda: services.appeal(action, by=alice.pk, text="No.")))
        assert sorted(results, key=str) == [services.AlreadyAppealed, "done"]
        assert Appeal.objects.count() == 1

    @pytest.mark.parametrize("measure", GRADED)
    def test_concurrent_opposite_decisions_on_an_appeal_leave_one(self, alice, mod, other, post, measure, monkeypatch):
        appeal = services.appeal(GRADED[measure](post, mod), by=alice.pk, text="No.")
        meet_at(monkeypatch, services, "_record_decision")
        overturns = [True, False]
        results = in_threads(
            2, lambda: outcome(lambda: services.decide_appeal(appeal, by=other, overturn=overturns.pop()))
        )
        assert sorted(results, key=str) == [services.AppealDecided, "done"]
        assert ModerationAction.objects.filter(case_id=appeal.pk).count() == 1
        overturned = Appeal.objects.get().status == "overturned"
        assert ModerationAction.objects.in_force().exists() is not overturned
        assert (state(post, alice) == BEFORE) is overturned

    @pytest.mark.parametrize("measure", GRADED)
    def test_undoing_and_overturning_at_the_same_time_ends_the_measure_once(
        self, alice, mod, other, post, measure, monkeypatch
    ):
        action = GRADED[measure](post, mod)
        appeal = services.appeal(action, by=alice.pk, text="No.")
        meet_at(monkeypatch, decisions, "undo")
        monkeypatch.setattr(services, "undo", decisions.undo)
        calls = [
            lambda: queue.undo(action, by=mod, reason="A mistake."),
            lambda: services.decide_appeal(appeal, by=other, overturn=True),
        ]
        results = in_threads(2, lambda: outcome(calls.pop()))
        assert set(results) <= {"done", services.NothingToUndo}
        assert ModerationAction.objects.filter(reverses=action).count() == 1
        assert Appeal.objects.get().status == "overturned"
        assert state(post, alice) == BEFORE
