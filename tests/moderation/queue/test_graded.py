"""The desk: previews of graded measures, hashtags, team notes and the choice of mails."""

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.content.models import Post, Tag
from apps.moderation import notes
from apps.moderation.cases import effects, measures, queue
from apps.moderation.models import Digest, Flag, ModerationAction, StaffAct, Statement, TeamNote
from tests.factories import CommentFactory, PostFactory
from tests.moderation.people import BECAUSE, make_moderator
from tests.moderation.queue.helpers import browser, case_of, decide, messages_of, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def things(alice, bob):
    post = PostFactory(author=alice)
    found = {"user": alice, "post": post, "comment": CommentFactory(post=PostFactory(author=bob), author=alice)}
    for row in found.values():
        report(row, by=bob)
    return found


@pytest.mark.parametrize(
    ("kind", "decision", "field", "action", "title"),
    [
        ("post", "mark_sensitive", "marked", "mark_sensitive", "Mark the post by @alice as sensitive"),
        ("post", "limit_post", "limited_posts", "limit_reach", "Limit the reach of the post by @alice"),
        ("user", "limit_account", "limited_accounts", "limit_reach", "Limit the reach of @alice"),
        ("comment", "warn", "warned", "warn", "Warn @alice"),
    ],
)
def test_graded_decision_has_the_previewed_effect(mod, things, kind, decision, field, action, title):
    row, client = things[kind], browser(mod)
    preview = decide(client, row, decision, step="preview")
    effect = preview.context["effect"]
    assert (getattr(effect, field), effect.flags, effect.statements) == (1, 1, 1)
    assert title in preview.text
    assert not ModerationAction.objects.exists()
    decide(client, row, decision)
    made = ModerationAction.objects.get(action=action)
    assert made.target_type == ("post" if field in {"marked", "limited_posts"} else "user")
    assert Flag.objects.open().count() == 2
    assert ModerationAction.objects.get(action="resolve_flag").part_of_id == made.pk
    assert Statement.objects.count() == 1
    page = client.get(reverse("admin:moderation_moderationaction_undo", args=[made.pk]))
    assert page.context["effect"].ends
    undo = {"reason": "A mistake.", "step": "confirm"}
    client.post(reverse("admin:moderation_moderationaction_undo", args=[made.pk]), undo)
    assert not ModerationAction.objects.in_force().exists()


@pytest.mark.parametrize(
    ("kind", "decision"), [("user", "mark_sensitive"), ("comment", "limit_post"), ("comment", "mark_sensitive")]
)
def test_measures_on_posts_are_impossible_for_other_targets(mod, things, kind, decision):
    decide(browser(mod), things[kind], decision)
    assert not ModerationAction.objects.exists()
    with pytest.raises(queue.Invalid):
        queue.decide_case(queue.Target.of(things[kind]), by=mod, decision=decision, **BECAUSE)


def test_bulk_preview_counts_posts_only(mod, things):
    targets = [queue.Target.of(row) for row in things.values()]
    effect = effects.preview(targets, "mark_sensitive")
    assert (effect.marked, effect.flags, effect.statements, effect.unfit, effect.deleted) == (1, 1, 1, 2, 0)
    sweep = queue.decide_many(targets, by=mod, decision="mark_sensitive", **BECAUSE)
    assert (sweep.done, sweep.closed, len(sweep.refused)) == (1, 1, 2)


def test_preview_counts_accounts_that_do_not_want_to_be_found(mod, alice, bob, carol):
    User.objects.filter(pk=alice.pk).update(settings={"discoverable": False})
    measures.limit_account(bob, by=mod, **BECAUSE)
    effect = effects.preview([queue.Target.of(person) for person in (alice, bob, carol)], "limit_account")
    assert (effect.limited_accounts, effect.statements) == (2, 2)
    before = Statement.objects.count()
    queue.decide_many(
        [queue.Target.of(person) for person in (alice, bob, carol)], by=mod, decision="limit_account", **BECAUSE
    )
    assert Statement.objects.count() - before == 2


def test_case_shows_measures_in_force_warnings_and_states(mod, things):
    measures.mark_sensitive(things["post"], by=mod, **BECAUSE)
    measures.limit_account(things["user"], by=mod, **BECAUSE)
    for _ in range(2):
        measures.warn(things["user"], by=mod, **BECAUSE)
    page = browser(mod).get(case_of(things["post"]))
    assert page.context["context"].warnings == 2
    for text in ("marked sensitive by moderators", "account limited"):
        assert text in page.text
    person = browser(mod).get(reverse("admin:moderation_person", args=[things["user"].pk]))
    assert person.context["profile"].counts["warnings"] == 2
    assert User.objects.get(pk=things["user"].pk).reach_limited
    assert Post.objects.get(pk=things["post"].pk).marked_sensitive


# ── Team notes ───────────────────────────────────────────────────────────────────────────────────────────
def test_notes_are_written_and_deleted_at_the_desk(mod, things, alice):
    client, back = browser(mod), case_of(things["post"])
    add = reverse("admin:moderation_note_add", args=[alice.pk])
    assert client.post(add, {"text": "Second account.", "back": back}).url == back
    page = client.get(back)
    assert "Second account." in page.text
    assert "Second account." in client.get(reverse("admin:moderation_person", args=[alice.pk])).text
    note = TeamNote.objects.get()
    assert "Second account." in client.get(reverse("admin:moderation_teamnote_changelist")).text
    assert "Second account." not in browser(make_moderator("alina")).get("/admin/").text
    delete = reverse("admin:moderation_note_delete", args=[note.pk])
    other = browser(make_moderator("other"))
    assert "senior moderators" in messages_of(other.post(delete))
    answer = client.post(delete, {"back": "https://evil.example/admin/"})
    assert answer.url == reverse("admin:moderation_person", args=[alice.pk])
    assert not TeamNote.objects.exists()


@pytest.mark.parametrize("text", ["", " ", "x" * 2001])
def test_invalid_note_is_refused(mod, alice, text):
    browser(mod).post(reverse("admin:moderation_note_add", args=[alice.pk]), {"text": text})
    assert not TeamNote.objects.exists()


def test_moderator_does_not_see_notes_about_the_own_account(mod):
    notes.add(mod, by=make_moderator("senior", "senior_moderator"), text="Be careful.")
    client = browser(mod)
    for path in (
        reverse("admin:moderation_person", args=[mod.pk]),
        reverse("admin:moderation_teamnote_changelist"),
        case_of(mod),
    ):
        page = client.get(path)
        assert page.status_code == 200
        assert "Be careful." not in page.text
    note = TeamNote.objects.get()
    assert client.get(reverse("admin:moderation_teamnote_change", args=[note.pk])).status_code != 200
    assert client.post(reverse("admin:moderation_note_delete", args=[note.pk])).status_code == 404


# ── Hashtags ─────────────────────────────────────────────────────────────────────────────────────────────
def test_hashtags_are_restricted_with_a_reason(mod):
    client, path = browser(mod), reverse("admin:moderation_tags")
    for fields, missing in (
        ({"reason": ""}, "reason"),
        ({"tag": "2026"}, "tag"),
        ({"tag": ""}, "tag"),
        ({"change": "delete"}, "change"),
    ):
        answer = client.post(path, {"tag": "#Snow", "change": "hide", "reason": "Drugs."} | fields)
        assert missing in answer.context["form"].errors
    for change in ("hide", "mark"):
        assert client.post(path, {"tag": "#Snow", "change": change, "reason": "Drugs."}).status_code == 302
    assert list(Tag.objects.values_list("name", "hidden", "sensitive")) == [("snow", True, True)]
    page = client.get(path)
    assert "#snow" in page.text
    assert list(StaffAct.objects.order_by("id").values_list("act", flat=True)) == ["hide_tag", "mark_tag_sensitive"]
    for change in ("show", "unmark"):
        client.post(path, {"tag": "snow", "change": change, "reason": "Over."})
    assert not Tag.objects.restricted().exists()


# ── Mails ────────────────────────────────────────────────────────────────────────────────────────────────
def test_moderator_chooses_how_to_learn_of_new_reports(mod):
    client, path = browser(mod), reverse("admin:moderation_digest")
    assert client.get(path).context["form"].initial["frequency"] == "never"
    assert "frequency" in client.post(path, {"frequency": "sometimes"}).context["form"].errors
    assert client.post(path, {"frequency": "hourly", "appeals": "on"}).status_code == 302
    digest = Digest.objects.get()
    assert (digest.moderator, digest.frequency, digest.reports, digest.appeals) == (mod, "hourly", False, True)


@pytest.mark.parametrize("name", ["tags", "digest"])
def test_pages_are_for_moderators_only(alice, name):
    alice.is_staff = True
    alice.save()
    assert browser(alice).get(reverse(f"admin:moderation_{name}")).status_code in {302, 403}
