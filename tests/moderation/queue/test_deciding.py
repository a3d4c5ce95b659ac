"""A case: its page, the preview of a decision, its effect, and undoing it."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.urls import reverse

from apps.accounts import services as accounts
from apps.accounts.models import Session, User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.cases import effects, queue
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Claim, Flag, ModerationAction, Statement
from tests.factories import CommentFactory, PostFactory, UserFactory
from tests.moderation.people import make_moderator, taken_down
from tests.moderation.queue.helpers import browser, case_of, decide, earlier_reports, messages_of, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def things(alice, bob, carol):
    """Reported by two each: alice, a post of hers with two comments, and her comment on bob's."""
    accounts.open_session(alice)
    User.objects.filter(pk=alice.pk).update(follower_count=1)
    post = PostFactory(author=alice)
    for author in (bob, carol):
        CommentFactory(post=post, author=author)
    remark = CommentFactory(post=PostFactory(author=bob), author=alice, text="Buy my watches!")
    found = {"user": User.objects.get(pk=alice.pk), "post": Post.objects.get(pk=post.pk), "comment": remark}
    for row in found.values():
        report(row, by=bob)
        report(row, by=carol)
    return found


def shown():
    """(posts, comments, sessions, open reports, statements) as everybody else finds them."""
    standing = Post.objects.published()
    comments = Comment.objects.published().filter(author__state="active", post__in=standing)
    return (
        standing.count(),
        comments.count(),
        Session.objects.live().count(),
        Flag.objects.filter(status="open").count(),
        Statement.objects.count(),
    )


@pytest.mark.parametrize(
    ("kind", "decision", "audited", "status"),
    [
        ("post", "take_down", {"takedown": 1, "resolve_flag": 2}, "resolved"),
        ("comment", "take_down", {"takedown": 1, "resolve_flag": 2}, "resolved"),
        ("post", "suspend", {"suspend": 1, "resolve_flag": 2}, "resolved"),
        ("comment", "suspend", {"suspend": 1, "resolve_flag": 2}, "resolved"),
        ("user", "suspend", {"suspend": 1, "resolve_flag": 2}, "resolved"),
        ("post", "dismiss", {"dismiss_flag": 2}, "dismissed"),
        ("user", "dismiss", {"dismiss_flag": 2}, "dismissed"),
        ("comment", "resolve", {"resolve_flag": 2}, "resolved"),
    ],
)
def test_decision_has_the_previewed_effect(mod, things, kind, decision, audited, status):
    row, client, before = things[kind], browser(mod), shown()
    preview = decide(client, row, decision, step="preview")
    assert preview.status_code == 200
    assert shown() == before, "a preview changes nothing"
    effect = preview.context["effect"]
    decide(client, row, decision)
    posts, comments, sessions, flags, statements = (a - b for a, b in zip(before, shown(), strict=True))
    if decision == "suspend":
        # Her own; those of others on her post are hidden with it, and are counted with the posts.
        comments -= Comment.objects.exclude(author=things["user"]).filter(post__author=things["user"]).count()
    assert (effect.posts, effect.comments, effect.sessions, effect.flags, effect.statements) == (
        posts,
        comments,
        sessions,
        flags,
        -statements,
    )
    assert effect.followers == (1 if decision == "suspend" else 0)
    rows = ModerationAction.objects.all()
    assert {name: rows.filter(action=name).count() for name in rows.values_list("action", flat=True)} == audited
    assert {row.reason for row in rows} == {"Sells watches."}
    assert set(Flag.objects.filter(target_id=row.pk).values_list("status", flat=True)) == {status}
    assert Flag.objects.filter(status="open").count() == 4


@pytest.mark.parametrize(
    ("decision", "fields", "missing"),
    [
        ("take_down", {"reason": ""}, "reason"),
        ("take_down", {"reason": "   "}, "reason"),
        ("take_down", {"category": ""}, "category"),
        ("take_down", {"category": "made_up"}, "category"),
        ("suspend", {"category": ""}, "category"),
        ("suspend", {"duration": "0"}, "duration"),
        ("suspend", {"reason": "x" * 1001}, "reason"),
        ("dismiss", {"reason": ""}, "reason"),
        ("dismiss", {"template": "made up"}, "template"),
    ],
)
def test_invalid_decision_form_shows_its_errors(mod, things, decision, fields, missing):
    for step in ("preview", "confirm"):
        answer = decide(browser(mod), things["post"], decision, step=step, **fields)
        assert answer.status_code == 200
        assert missing in answer.context["form"].errors
    assert not ModerationAction.objects.exists()


@pytest.mark.parametrize(("kind", "decision"), [("user", "take_down"), ("post", "made_up"), ("post", "")])
def test_impossible_decision_is_refused(mod, things, kind, decision):
    assert decide(browser(mod), things[kind], decision).status_code == 302
    assert not ModerationAction.objects.exists()


def test_empty_reason_is_the_text_of_the_template(mod, things):
    page = browser(mod).get(case_of(things["post"]) + "?act=take_down")
    template = page.context["form"].templates[0]
    decide(browser(mod), things["post"], "take_down", reason="", template=str(template.pk))
    assert ModerationAction.objects.get(action="takedown").reason == template.text


@pytest.mark.promise("O1")
@pytest.mark.parametrize("by", ["nobody", "member", "staff"])
def test_only_moderators_see_and_decide_cases(things, by):
    person = UserFactory(handle="person", is_staff=by == "staff")
    client = browser(person)
    if by == "nobody":
        client.logout()
    paths = [case_of(things["post"]), reverse("admin:moderation_flag_queue")]
    for path in paths:
        assert client.get(path).status_code in {302, 403}
    decide(client, things["post"], "take_down")
    client.post(
        reverse("admin:moderation_flag_sweep"),
        {"target": f"post/{things['post'].pk}", "decision": "dismiss", "step": "confirm", "reason": "x"},
    )
    assert not ModerationAction.objects.exists()
    assert not Flag.objects.exclude(status="open").exists()


@pytest.mark.promise("O1")
def test_form_without_csrf_token_is_refused(mod, things):
    client = browser(mod)
    client.handler.enforce_csrf_checks = True
    assert decide(client, things["post"], "take_down").status_code == 403
    assert not ModerationAction.objects.exists()


@pytest.mark.promise("O1")
@pytest.mark.parametrize("whose", ["mod", "admin"])
def test_own_cases_and_cases_of_admins_are_refused(mod, whose):
    author = mod if whose == "mod" else make_moderator("chief", role="admin")
    post = PostFactory(author=author)
    report(post)
    assert "You cannot decide about yourself" in messages_of(decide(browser(mod), post, "dismiss"))
    assert Flag.objects.get().status == "open"


def test_case_decided_in_the_meantime_is_refused(mod, things):
    for flag in Flag.objects.filter(target_id=things["post"].pk):
        services.resolve_flag(flag, by=mod, resolution="dismissed")
    for decision in ("take_down", "dismiss", "suspend"):
        assert "was decided in the meantime" in messages_of(decide(browser(mod), things["post"], decision))
    assert not ModerationAction.objects.filter(action="takedown").exists()


def test_reports_about_a_removed_comment_can_be_closed(mod, things):
    things["comment"].replies.all().delete()
    Comment.objects.filter(pk=things["comment"].pk).update(author=None, text="", removed_at="2026-01-01T00:00:00Z")
    path = reverse("admin:moderation_flag_case", args=["comment", things["comment"].pk])
    client = browser(mod)
    page = client.get(path)
    assert "deleted" in page.text
    assert "Take down" not in page.text
    client.post(path, {"decision": "resolve", "step": "confirm", "reason": "Gone by itself.", "reported": 2})
    assert set(Flag.objects.filter(target_id=things["comment"].pk).values_list("status", flat=True)) == {"resolved"}


@pytest.mark.parametrize("path", ["post/{0}/", "user/{0}/", "comment/{0}/", "made_up/{0}/"])
def test_unknown_case_is_not_found(mod, path):
    missing = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10"
    assert browser(mod).get("/admin/moderation/flag/case/" + path.format(missing)).status_code == 404


@pytest.mark.parametrize("kind", ["user", "post", "comment"])
def test_case_page_is_within_query_budget_and_escapes_text(mod, things, kind, django_assert_max_num_queries, bob):
    evil = "<script>alert(1)</script>"
    User.objects.update(bio=evil, display_name=evil)
    Post.objects.update(caption=evil)
    Comment.objects.update(text=evil)
    Flag.objects.update(note=evil)
    earlier_reports(bob, resolved=3)
    for _ in range(8):
        report(things[kind], note=evil)
        CommentFactory(post=Post.objects.get(author=bob), author=bob, text=evil)
    taken_down(PostFactory(author=things["user"]), mod)
    client = browser(mod)
    client.get("/admin/")
    with django_assert_max_num_queries(12):
        page = client.get(case_of(things[kind]))
    with django_assert_max_num_queries(12):
        acting = client.get(case_of(things[kind]) + "?act=dismiss")
    assert (page.status_code, acting.status_code) == (200, 200)
    for text in (page.text, acting.text):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
    assert "@bob" in page.text
    assert "80 %" in page.text  # (3 + 1) / (3 + 2)
    assert "10 open reports" in page.text
    assert "Takedown" in page.text
    assert "Preview" in acting.text


def test_comment_is_shown_between_its_neighbours(mod, bob, carol):
    post = PostFactory(author=bob)
    remarks = [CommentFactory(post=post, author=carol, text=f"remark {n}.") for n in range(9)]
    report(remarks[4])
    page = browser(mod).get(case_of(remarks[4])).text
    places = [page.find(f"remark {n}.") for n in range(9)]
    assert [n for n, place in enumerate(places) if place >= 0] == [1, 2, 3, 4, 5, 6, 7]
    assert [place for place in places if place >= 0] == sorted(place for place in places if place >= 0)


@pytest.mark.parametrize("kind", ["user", "post", "comment"])
def test_decision_is_undone_from_the_audit_after_a_preview(mod, things, kind):
    before = shown()[:2]
    decision = "suspend" if kind == "user" else "take_down"
    decide(browser(mod), things[kind], decision)
    action = ModerationAction.objects.get(action__in=["takedown", "suspend"])
    undo = reverse("admin:moderation_moderationaction_undo", args=[action.pk])
    lists = [reverse("admin:moderation_audit"), reverse("admin:moderation_moderationaction_changelist")]
    client = browser(mod)
    for path in lists:
        assert undo in client.get(path).text
    assert client.post(undo, {"reason": ""}).context["form"].errors
    preview = client.post(undo, {"reason": "A mistake."})
    effect = preview.context["effect"]
    assert "2</strong> reports that this decision closed stay closed" in preview.text
    hidden = shown()[:2]
    assert hidden != before, "a preview changes nothing"
    client.post(undo, {"reason": "A mistake.", "step": "confirm"})
    assert shown()[:2] == before
    if kind != "user":  # the comments of others under the posts of the account come back, too
        assert (effect.posts, effect.comments) == (before[0] - hidden[0], before[1] - hidden[1])
    reversal = ModerationAction.objects.get(reverses=action)
    assert (reversal.action, reversal.reason, reversal.actor) == (
        "unsuspend" if kind == "user" else "restore",
        "A mistake.",
        mod,
    )
    again = client.post(undo, {"reason": "Once more.", "step": "confirm"})
    assert "not in force" in messages_of(again)
    for path in lists:
        assert f'href="{undo}">Undo' not in client.get(path).text


def test_preview_of_undoing_says_what_stays_hidden(mod, alice):
    post = PostFactory(author=alice)
    taken = taken_down(post, mod)
    suspension = services.suspend(alice, by=mod, reason="x", category="spam")
    assert effects.preview_undo(taken).author_inactive
    assert effects.preview_undo(suspension).taken_down == 1
    Post.objects.all().delete()
    assert effects.preview_undo(taken).deleted


@pytest.mark.parametrize(
    ("kind", "decision", "fields", "title"),
    [
        ("user", "suspend", {"duration": "7"}, "Suspend @alice until 6 December 2026, 09:30"),
        ("post", "suspend", {"duration": "30"}, "Suspend @alice until 29 December 2026, 09:30"),
        ("comment", "suspend", {"duration": "permanent"}, "Suspend @alice permanently"),
        ("post", "take_down", {}, "Take down the post by @alice"),
        ("comment", "take_down", {}, "Take down the comment by @alice"),
        ("user", "dismiss", {}, "Dismiss 2 reports about the account of @alice"),
        ("post", "resolve", {}, "Close 2 reports about the post by @alice as resolved"),
    ],
)
def test_preview_is_titled_by_the_decision_and_the_person(mod, things, kind, decision, fields, title):
    client = browser(mod)
    with time_machine.travel(datetime(2026, 11, 29, 9, 30, tzinfo=UTC)):
        preview = decide(client, things[kind], decision, step="preview", **fields)
    assert f'<h2 id="preview">{title}</h2>' in preview.text


@pytest.mark.parametrize(
    ("kind", "decision", "offered"),
    [
        ("post", "take_down", ["suspend", "limit_account", "warn"]),
        ("comment", "take_down", ["suspend", "limit_account", "warn"]),
        ("user", "suspend", ["suspend", "limit_account", "warn"]),
        ("post", "dismiss", ["take_down", "suspend", "mark_sensitive", "limit_post", "limit_account", "warn"]),
        ("post", "mark_sensitive", ["take_down", "suspend", "limit_post", "limit_account", "warn"]),
        ("post", "limit_post", ["take_down", "suspend", "mark_sensitive", "limit_account", "warn"]),
        ("user", "limit_account", ["suspend", "warn"]),
        ("user", "warn", ["suspend", "limit_account", "warn"]),
    ],
)
def test_decided_case_offers_only_what_would_change_something(mod, things, kind, decision, offered):
    client = browser(mod)
    decide(client, things[kind], decision)
    page = client.get(case_of(things[kind]))
    assert [name for name, _, _ in page.context["acts"]] == offered
    assert ("See the decision, or undo it" in page.text) == (decision != "dismiss")
    assert ("Change the suspension" in page.text) == (decision == "suspend")


def test_queue_link_of_a_case_releases_it(mod, things):
    client = browser(mod)
    client.get(case_of(things["post"]))
    client.post(case_of(things["post"]) + "release/")
    assert not Claim.objects.exists()


def test_services_need_a_reason(mod, things):
    for service in (
        lambda: queue.decide_case(Target.of(things["post"]), by=mod, decision="dismiss", reason=" "),
        lambda: queue.decide_many([Target.of(things["post"])], by=mod, decision="dismiss", reason=""),
        lambda: queue.undo(taken_down(PostFactory(author=things["user"]), mod), by=mod, reason=""),
    ):
        with pytest.raises(services.Invalid):
            service()


def test_preview_of_a_suspension_counts_content_once(alice):
    posts = [PostFactory(author=alice), PostFactory(author=alice)]
    effect = effects.preview([Target.of(alice), *(Target.of(post) for post in posts)], "suspend")
    assert (effect.cases, effect.people, effect.posts, effect.statements) == (3, 1, 2, 1)
