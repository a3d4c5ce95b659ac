"""Reporters learn that a report was received, the decision and its reason; and object to a dismissal once."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from apps.accounts.models import User
from apps.core.db.ids import new_id
from apps.core.errors import NotFound
from apps.core.privacy import in_dependency_order
from apps.moderation import privacy, services
from apps.moderation.appeals import objections
from apps.moderation.cases import queue
from apps.moderation.cases.decisions import Target
from apps.moderation.console import search
from apps.moderation.models import Appeal, Flag, ModerationAction, OpenCase
from apps.notifications.models import Notification
from apps.site import services as site
from tests.conftest import Caller
from tests.factories import BlockFactory, CommentFactory, PostFactory, UserFactory
from tests.moderation.people import make_moderator
from tests.threads import in_threads, meet_at

pytestmark = pytest.mark.django_db
HARMLESS = "It is a joke."


@pytest.fixture
def post(alice):
    return PostFactory(author=alice)


@pytest.fixture
def report(bob, post):
    """Of alice's post, by bob."""
    return services.flag(post, by=bob.pk, category="hate", note="She hates.")[0]


@pytest.fixture
def dismissed(report, mod):
    return services.resolve_flag(report, by=mod, resolution="dismissed", note=HARMLESS)


@pytest.fixture
def judge(db):
    return make_moderator("judge")


def shown(caller, report):
    return caller.get(f"/moderation/flags/mine/{report.pk}").json()


def object_to(caller, report, text="It is no joke."):
    return caller.post(f"/moderation/flags/mine/{report.pk}/object", {"text": text})


def decide(by, report, *, overturn, note="Seen again."):
    appeal = Appeal.objects.get(action__case_id=report.pk)
    return services.decide_appeal(appeal, by=by, overturn=overturn, note=note)


def decide_case(row, by, decision, **more):
    return queue.decide_case(Target.of(row), by=by, decision=decision, reason="To alice only.", **more)


class TestOutcome:
    def test_open_report_was_received(self, api, bob, post, report):
        assert shown(api(bob), report) | {"created_at": ""} == {
            "id": str(report.pk),
            "target_type": "post",
            "target_id": str(post.pk),
            "category": "hate",
            "rule": None,
            "note": "She hates.",
            "status": "open",
            "created_at": "",
            "decided_at": None,
            "outcome": "We have received your report. Moderators review it.",
            "reason": "",
            "may_object": False,
            "object_until": None,
            "objection": None,
        }

    def test_dismissed_report_has_the_explanation(self, api, bob, dismissed):
        answer = shown(api(bob), dismissed)
        assert answer["status"] == "dismissed"
        assert answer["outcome"] == "We have reviewed your report and taken no action."
        assert answer["reason"] == f"We found nothing that breaks our rules or the law. {HARMLESS}"
        assert answer["decided_at"] is not None
        assert answer["may_object"] is True
        assert answer["object_until"] is not None

    @pytest.mark.parametrize(
        ("decision", "more", "status", "reason"),
        [
            ("take_down", {"category": "spam"}, "resolved", "Our rules do not allow spam."),
            ("take_down", {"category": "illegal"}, "resolved", "We consider it illegal content."),
            ("mark_sensitive", {"category": "nudity"}, "resolved", "Our rules do not allow nudity and sexual content."),
            ("limit_post", {"category": "other"}, "resolved", "It breaks our rules."),
            ("warn", {"category": "hate"}, "resolved", "Our rules do not allow hatred against groups of people."),
            ("dismiss", {}, "dismissed", "We found nothing that breaks our rules or the law. To alice only."),
            ("resolve", {}, "resolved", "An earlier decision covers it. To alice only."),
        ],
    )
    def test_reason_for_a_measure_is_its_ground_only(self, api, bob, mod, post, report, decision, more, status, reason):
        decide_case(post, mod, decision, **more)
        answer = shown(api(bob), report)
        assert (answer["status"], answer["reason"]) == (status, reason)
        assert answer["may_object"] is (status == "dismissed")

    def test_measure_against_the_account_is_not_named(self, api, bob, mod, alice, post, report):
        until = timezone.now() + timedelta(days=3)
        decide_case(alice, mod, "suspend", category="harassment", until=until)
        queue.close_other_reports(ModerationAction.objects.get(action="suspend"), by=mod)
        answer = shown(api(bob), report)
        assert (answer["outcome"], answer["reason"]) == (
            "We have acted on your report.",
            "Our rules do not allow harassment.",
        )
        assert not {"suspend", "alice"} & set(str(answer).lower().split())

    def test_outcome_is_shown_after_a_block_and_a_deletion(self, api, bob, alice, post, dismissed):
        BlockFactory(blocker=alice, blocked=bob)
        post.delete()
        assert shown(api(bob), dismissed)["status"] == "dismissed"

    def test_old_notes_of_moderators_are_not_shown(self, api, bob, dismissed):
        Flag.objects.update(explanation="")
        assert HARMLESS not in str(shown(api(bob), dismissed))

    @pytest.mark.promise("P7")
    def test_reports_are_visible_to_their_reporter_only(self, api, alice, bob, carol, mod, dismissed):
        mine = [row["id"] for row in api(bob).get("/moderation/flags/mine").json()["results"]]
        assert mine == [str(dismissed.pk)]
        for other in (alice, carol, mod):
            assert api(other).get("/moderation/flags/mine").json()["results"] == []
            assert api(other).get(f"/moderation/flags/mine/{dismissed.pk}").status_code == 404
            assert object_to(api(other), dismissed).status_code == 404
        assert api(bob).get(f"/moderation/flags/mine/{new_id()}").status_code == 404

    def test_reports_show_their_rules_without_a_query_for_each(self, api, bob, django_assert_max_num_queries):
        rule = site.add_rule({"en": {"title": "Be kind"}})
        for _ in range(3):
            services.flag(PostFactory(), by=bob.pk, category="hate", rule=rule)
        caller = api(bob)
        caller.get("/moderation/flags/mine")
        with django_assert_max_num_queries(3):
            rows = caller.get("/moderation/flags/mine").json()["results"]
        shown_rule = {"id": str(rule.rule_id), "version": 1, "title": "Be kind"}
        assert [row["rule"] for row in rows] == [shown_rule] * 3


class TestNotification:
    @pytest.fixture
    def german(self, bob):
        User.objects.filter(pk=bob.pk).update(locale="de", email_verified_at=timezone.now())

    def test_reporter_is_notified_in_app_and_by_mail(self, api, deliver, bob, mod, report):
        User.objects.filter(pk=bob.pk).update(email_verified_at=timezone.now())
        deliver()
        services.resolve_flag(report, by=mod, resolution="dismissed", note=HARMLESS)
        deliver()
        rows = api(bob).get("/notifications?type=report").json()["results"]
        assert [row["preview"].split("\n")[0] for row in rows] == [
            "Your report was reviewed",
            "We have received your report",
        ]
        assert {(row["post_id"], row["actor_count"]) for row in rows} == {(None, 0)}
        received, decided = mail.outbox
        assert (received.to, received.subject) == (["bob@example.org"], "We have received your report")
        assert decided.subject == "Your report was reviewed"
        for text in (HARMLESS, "you can object once", "/reports", "If you did not send this report"):
            assert text in decided.body
        assert "alice" not in decided.body + received.body

    def test_mail_about_a_measure_offers_no_objection(self, deliver, bob, mod, post, report):
        User.objects.filter(pk=bob.pk).update(email_verified_at=timezone.now())
        decide_case(post, mod, "take_down", category="spam")
        deliver()
        [decided] = [letter for letter in mail.outbox if letter.subject == "Your report was reviewed"]
        assert "dispute settlement body" in decided.body
        assert "you can object" not in decided.body

    def test_texts_are_in_the_language_of_the_reporter(self, deliver, german, report):
        deliver()
        statement = Notification.objects.get().statement
        # The German date, also where a text is not translated yet.
        day = timezone.now()
        assert f"{day.day}. " in statement

    def test_days_are_those_of_the_reporter(self, deliver, bob, post):
        User.objects.filter(pk=bob.pk).update(time_zone="Pacific/Kiritimati")  # UTC+14
        with time_machine.travel(datetime(2040, 3, 1, 12, tzinfo=UTC), tick=False):
            flag = services.flag(post, by=bob.pk, category="hate")[0]
        Flag.objects.filter(pk=flag.pk).update(created_at=datetime(2040, 3, 1, 12, tzinfo=UTC))
        deliver()
        assert "sent on 2 March 2040." in Notification.objects.get().statement

    def test_mail_can_be_turned_off_but_not_the_notification(self, api, deliver, german, bob, report):
        none = {"in_app": False, "push": False, "email": False}
        kept = api(bob).put("/notifications/preferences", {"report": none}).json()["report"]
        assert kept == none | {"in_app": True}
        deliver()
        assert mail.outbox == []
        assert Notification.objects.get().in_app is True

    def test_each_event_is_notified_once(self, deliver, report, mod, judge, bob):
        services.resolve_flag(report, by=mod, resolution="dismissed")
        objections.object_to(report, by=bob.pk, text="No.")
        decide(judge, report, overturn=True)
        services.resolve_flag(Flag.objects.get(), by=judge, resolution="dismissed")
        deliver()
        subjects = Notification.objects.order_by("latest").values_list("statement", flat=True)
        assert [text.split("\n")[0] for text in subjects] == [
            "We have received your report",
            "Your report was reviewed",
            "Your objection was successful",
            "Your report was reviewed",
        ]

    def test_automatic_report_notifies_nobody(self, deliver, alice, mod):
        flag = Flag.objects.create(subject=alice, target_type="user", target_id=alice.pk, category="spam")
        services.resolve_flag(flag, by=mod, resolution="dismissed")
        deliver()
        assert not Notification.objects.exists()


class TestObjection:
    def test_dismissal_is_objected_to_once(self, api, bob, dismissed):
        answer = object_to(api(bob), dismissed)
        assert answer.status_code == 201
        assert (answer.json()["may_object"], answer.json()["object_until"]) == (False, None)
        assert answer.json()["objection"] | {"created_at": ""} == {
            "text": "It is no joke.",
            "status": "open",
            "note": "",
            "created_at": "",
            "decided_at": None,
        }
        again = object_to(api(bob), dismissed)
        assert (again.status_code, again.json()["code"]) == (409, "already_objected")
        assert Appeal.objects.count() == 1

    @pytest.mark.parametrize("resolution", [None, "resolved"])
    def test_only_a_dismissal_is_objected_to(self, api, bob, mod, report, resolution):
        if resolution:
            services.resolve_flag(report, by=mod, resolution=resolution)
        answer = object_to(api(bob), report)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_objectable")

    def test_period_is_six_months(self, api, bob, dismissed):
        with time_machine.travel(timezone.now() + timedelta(days=185), tick=False):
            assert shown(api(bob), dismissed)["may_object"] is False
            assert object_to(api(bob), dismissed).json()["code"] == "not_objectable"
        with time_machine.travel(timezone.now() + timedelta(days=183), tick=False):
            assert object_to(api(bob), dismissed).status_code == 201

    @pytest.mark.parametrize("text", ["", "  ", "x" * 2001, None])
    def test_objection_needs_a_text(self, api, bob, dismissed, text):
        answer = object_to(api(bob), dismissed, text)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "text")

    @pytest.mark.promise("A4")
    def test_objections_count_as_reports(self, api, bob, dismissed, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"flag": (2, 3600)}
        assert [object_to(api(bob), dismissed).status_code for _ in range(3)] == [201, 409, 429]

    def test_overturned_dismissal_opens_the_case_again(self, api, bob, judge, mod, post, dismissed):
        object_to(api(bob), dismissed)
        decide(judge, dismissed, overturn=True)
        assert OpenCase.objects.get().target_id == post.pk
        answer = shown(api(bob), dismissed)
        assert (answer["status"], answer["reason"], answer["decided_at"]) == ("open", "", None)
        assert (answer["objection"]["status"], answer["objection"]["note"]) == ("overturned", "Seen again.")
        services.resolve_flag(Flag.objects.get(), by=mod, resolution="dismissed")
        assert shown(api(bob), dismissed)["may_object"] is False
        assert object_to(api(bob), dismissed).json()["code"] == "already_objected"

    def test_objection_is_to_the_dismissal_of_the_own_report(self, bob, mod, post, dismissed):
        newer = services.flag(post, by=UserFactory().pk, category="spam")[0]
        services.resolve_flag(newer, by=mod, resolution="dismissed")
        with pytest.raises(NotFound):
            objections.object_to(newer, by=bob.pk, text="No.")
        assert objections.object_to(dismissed, by=bob.pk, text="No.").action.case_id == dismissed.pk
        assert objections.get_objections([dismissed.pk], by=newer.reporter_id) == {}

    def test_objection_is_decided_by_a_higher_rank_than_the_reported_one(self, bob, judge):
        senior, chief = make_moderator("senior", "senior_moderator"), make_moderator("chief", "admin")
        report = services.flag(senior, by=bob.pk, category="hate")[0]
        services.resolve_flag(report, by=chief, resolution="dismissed")
        objections.object_to(report, by=bob.pk, text="No.")
        for moderator in (senior, judge):
            with pytest.raises(services.CannotModerate):
                decide(moderator, report, overturn=True)
        decide(make_moderator("boss", "admin"), report, overturn=True)
        assert Flag.objects.get().status == "open"

    def test_upheld_dismissal_stays(self, api, bob, judge, dismissed):
        object_to(api(bob), dismissed)
        decide(judge, dismissed, overturn=False)
        answer = shown(api(bob), dismissed)
        assert (answer["status"], answer["objection"]["status"]) == ("dismissed", "upheld")
        assert not OpenCase.objects.exists()

    def test_newer_open_report_stays_the_only_one(self, bob, judge, post, dismissed):
        objections.object_to(dismissed, by=bob.pk, text="No.")
        newer = services.flag(post, by=bob.pk, category="hate")[0]
        decide(judge, dismissed, overturn=True)
        assert Flag.objects.open().get() == newer
        assert Appeal.objects.get().status == "overturned"

    def test_decision_is_in_the_audit_without_the_reporter(self, bob, judge, post, dismissed):
        objections.object_to(dismissed, by=bob.pk, text="No.")
        decide(judge, dismissed, overturn=True)
        row = ModerationAction.objects.get(action="overturn_appeal")
        assert (row.actor, row.target_id, row.affected_id, row.reason) == (judge, post.pk, None, "Seen again.")
        assert str(bob.pk) not in str(list(ModerationAction.objects.values()))

    def test_overturned_dismissal_undoes_nothing(self, api, bob, judge, mod, post, dismissed):
        objections.object_to(dismissed, by=bob.pk, text="No.")
        decide(judge, dismissed, overturn=True)
        assert api(mod).post(f"/moderation/posts/{post.pk}/restore").json()["code"] == "nothing_to_undo"

    @pytest.mark.parametrize("who", ["mod", "reporter", "subject"])
    def test_moderator_concerned_cannot_decide(self, who, mod, judge):
        """The one who dismissed it, the reporter, and the reported moderator."""
        people = {"mod": mod, "reporter": make_moderator("eager"), "subject": make_moderator("rude")}
        report = services.flag(people["subject"], by=people["reporter"].pk, category="hate")[0]
        mod.groups.set(make_moderator("chief", "admin").groups.all())
        services.resolve_flag(report, by=mod, resolution="dismissed")
        objections.object_to(report, by=people["reporter"].pk, text="No.")
        answer = Caller(people[who]).post(
            f"/moderation/appeals/{Appeal.objects.get().pk}/decide", {"decision": "overturn"}
        )
        assert answer.status_code == {"mod": 403, "reporter": 403, "subject": 404}[who]
        assert Appeal.objects.get().status == "open"


class TestConfidentiality:
    def test_moderators_do_not_see_who_objects(self, api, alice, bob, judge, dismissed):
        objections.object_to(dismissed, by=bob.pk, text="No.")
        [row] = api(judge).get("/moderation/appeals").json()["results"]
        assert row["appellant"] is None
        assert "bob" not in str(row)

    def test_reported_moderator_sees_neither_reporter_nor_objection(self, api, bob, deliver):
        rude, chief = make_moderator("rude"), make_moderator("chief", "admin")
        report = services.flag(rude, by=bob.pk, category="hate")[0]
        services.resolve_flag(report, by=chief, resolution="dismissed")
        objections.object_to(report, by=bob.pk, text="No.")
        deliver()
        caller = api(rude)
        assert caller.get("/moderation/appeals").json()["results"] == []
        for path in ("flags", "audit", "flags/mine", "actions/mine"):
            assert "bob" not in str(caller.get(f"/moderation/{path}").json()), path
        assert not Notification.objects.filter(recipient=rude).exists()

    def test_search_does_not_find_an_objection_for_the_reported_moderator(self, bob, judge):
        rude, chief = make_moderator("rude"), make_moderator("chief", "admin")
        report = services.flag(rude, by=bob.pk, category="hate")[0]
        services.resolve_flag(report, by=chief, resolution="dismissed")
        objection = objections.object_to(report, by=bob.pk, text="No.")
        assert search.find(str(objection.pk), reader_id=rude.pk).appeals == []
        assert search.find(str(objection.pk), reader_id=judge.pk).appeals == [objection]

    def test_affected_user_does_not_learn_who_reported(self, api, deliver, alice, bob, mod, post, report):
        decide_case(post, mod, "take_down", category="spam")
        deliver()
        told = [
            api(alice).get("/moderation/actions/mine").json(),
            api(alice).get("/notifications").json(),
            [mailed.body for mailed in mail.outbox if "alice@example.org" in mailed.to],
            list(privacy.export(alice.pk)),
        ]
        assert not {"bob", str(bob.pk), "She hates."} & set(str(told).replace("'", " ").split())
        assert "bob" not in str(told)


class TestErasure:
    def test_outcome_is_shown_after_the_account_is_erased(self, api, alice, bob, mod, dismissed):
        about_her = services.flag(alice, by=bob.pk, category="spam")[0]
        automatic = Flag.objects.create(subject=alice, target_type="user", target_id=alice.pk, category="spam")
        for context in in_dependency_order():
            context.erase_user(alice.pk)
        alice.delete()
        assert not Flag.objects.filter(pk=automatic.pk).exists()
        answer = shown(api(bob), dismissed)
        assert (answer["status"], answer["may_object"]) == ("dismissed", False)
        assert HARMLESS in answer["reason"]
        answer = shown(api(bob), about_her)
        assert (answer["status"], answer["target_id"]) == ("obsolete", None)
        assert answer["reason"].startswith("The reported account no longer exists")
        assert object_to(api(bob), dismissed).json()["code"] == "not_objectable"

    def test_open_objection_of_an_erased_account_can_be_decided(self, alice, bob, judge, dismissed):
        objections.object_to(dismissed, by=bob.pk, text="No.")
        privacy.erase(alice.pk)
        decide(judge, dismissed, overturn=True)
        assert Flag.objects.get().status == "dismissed"

    def test_reports_of_an_erased_reporter_keep_no_reference(self, bob, alice, dismissed):
        objections.object_to(dismissed, by=bob.pk, text="No.")
        privacy.erase(bob.pk)
        assert Flag.objects.get().reporter is None
        assert not Appeal.objects.exists()
        privacy.erase(alice.pk)
        assert not Flag.objects.exists()

    def test_report_about_an_erased_account_is_deleted_with_its_reporter(self, alice, bob, dismissed):
        privacy.erase(alice.pk)
        privacy.erase(bob.pk)
        assert not Flag.objects.exists()

    def test_export_contains_reports_and_objections(self, bob, dismissed):
        objections.object_to(dismissed, by=bob.pk, text="No.")
        exported = dict(privacy.export(bob.pk))
        assert (exported["flags"]["status"], exported["flags"]["explanation"]) == ("dismissed", HARMLESS)
        assert exported["appeals"]["text"] == "No."


class TestOwnActions:
    def test_list_needs_no_query_for_each_rule(self, api, alice, mod, django_assert_max_num_queries):
        rules = [site.add_rule({"en": {"title": f"Rule {n}"}}) for n in range(4)]
        for rule in rules:
            services.take_down_post(PostFactory(author=alice), by=mod, reason="x", category="spam", rule=rule)
        caller = api(alice)
        caller.get("/moderation/actions/mine")
        with django_assert_max_num_queries(3):
            rows = caller.get("/moderation/actions/mine").json()["results"]
        for row, rule in zip(rows, reversed(rules), strict=True):
            assert rule.texts["en"]["title"] in str(row["paragraphs"])

    def test_notification_has_the_times_of_the_member(self, api, alice, mod, deliver):
        User.objects.filter(pk=alice.pk).update(time_zone="Asia/Kolkata")
        until = datetime(2126, 11, 23, 16, 14, tzinfo=UTC)
        services.suspend(alice, by=mod, reason="x", category="spam", until=until)
        deliver()
        assert "until 23 November 2126, 21:44 IST" in Notification.objects.get().statement

    def test_actions_have_their_statement_and_appeal(self, api, alice, mod, post):
        comment = CommentFactory(post=post, author=alice, text="Buy watches")
        services.take_down_comment(comment, by=mod, reason="An advertisement.", category="spam")
        action = services.take_down_post(post, by=mod, reason="Insults.", category="hate")
        services.appeal(action, by=alice.pk, text="No.")
        rows = api(alice).get("/moderation/actions/mine").json()["results"]
        assert [(row["action"], row["target_type"], row["can_appeal"]) for row in rows] == [
            ("takedown", "post", False),
            ("takedown", "comment", True),
        ]
        assert rows[0]["appeal"]["status"] == "open"
        assert "Buy watches" in rows[1]["paragraphs"][0]
        for row in rows:
            assert row == api(alice).get(f"/moderation/actions/{row['id']}/statement").json()

    def test_actions_of_others_and_closed_reports_are_not_listed(self, api, alice, bob, dismissed):
        for user in (alice, bob):
            assert api(user).get("/moderation/actions/mine").json()["results"] == []


@pytest.mark.promise("R2")
@pytest.mark.django_db(transaction=True)
def test_concurrent_objections_create_one(monkeypatch):
    meet_at(monkeypatch, objections, "_find_dismissal")
    bob, mod = UserFactory(handle="bob"), make_moderator("mod")
    report = services.flag(PostFactory(), by=bob.pk, category="hate")[0]
    services.resolve_flag(report, by=mod, resolution="dismissed")
    callers = [Caller(bob) for _ in range(2)]
    answers = in_threads(2, lambda: object_to(callers.pop(), report).status_code)
    assert sorted(answers) == [201, 409]
    assert Appeal.objects.count() == 1
