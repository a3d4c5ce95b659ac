"""Erasure and export of user data in moderation."""

import pytest

from apps.accounts.models import User
from apps.core.privacy import in_dependency_order
from apps.moderation import privacy, services
from apps.moderation.models import Appeal, Flag, ModerationAction, Statement
from tests.factories import PostFactory, UserFactory
from tests.moderation.people import BECAUSE, make_moderator, suspended, taken_down

pytestmark = pytest.mark.django_db


@pytest.mark.promise("P10")
def test_erasure_keeps_the_audit_and_deletes_appeals(alice, bob, carol, mod):
    post = PostFactory(author=alice)
    about_her = [services.flag(row, by=bob.pk, category="spam")[0] for row in (alice, post)]
    by_her = services.flag(carol, by=alice.pk, category="hate")[0]
    action = taken_down(post, mod)
    services.appeal(action, by=alice.pk, text="No.")
    theirs = services.appeal(taken_down(PostFactory(author=carol), mod), by=carol.pk, text="No.")
    audit = list(ModerationAction.objects.order_by("id").values())
    for context in in_dependency_order():
        context.erase_user(alice.pk)
    alice.delete()
    # The reporter still reads the outcome.
    kept = Flag.objects.exclude(pk=by_her.pk)
    assert set(kept) == set(about_her)
    assert set(kept.values_list("reporter", "subject", "status")) == {(bob.pk, None, "obsolete")}
    by_her.refresh_from_db()
    assert by_her.reporter is None
    assert list(Appeal.objects.all()) == [theirs]
    assert list(Statement.objects.values_list("user", flat=True)) == [carol.pk]
    assert list(ModerationAction.objects.order_by("id").values()) == audit


@pytest.mark.promise("P10")
def test_decisions_remain_after_the_moderator_is_deleted(api, alice, mod):
    leaver = make_moderator("leaver")
    flag = services.flag(alice, by=mod.pk, category="spam")[0]
    services.resolve_flag(flag, by=leaver, resolution="dismissed")
    appeal = services.appeal(taken_down(PostFactory(author=alice), mod), by=alice.pk, text="No.")
    services.decide_appeal(appeal, by=leaver, overturn=False)
    for context in in_dependency_order():
        context.erase_user(leaver.pk)
    User.objects.filter(pk=leaver.pk).delete()
    assert (Flag.objects.get().resolved_by, Appeal.objects.get().decided_by) == (None, None)
    row = api(mod).get(f"/moderation/audit?actor={leaver.pk}").json()["results"][0]
    assert (row["action"], row["actor"]) == ("uphold_appeal", None)
    assert api(mod).get("/moderation/appeals").json()["results"][0]["decided_by"] is None


@pytest.mark.promise("P10")
def test_export_names_no_reporters_or_moderators(alice, bob, mod):
    judge = make_moderator("judge")
    services.flag(alice, by=bob.pk, category="spam", note="bob says so")
    mine = services.flag(bob, by=alice.pk, category="hate", note="He hates.")[0]
    action = taken_down(PostFactory(author=alice), mod)
    appeal = services.appeal(action, by=alice.pk, text="No.")
    services.decide_appeal(appeal, by=judge, overturn=False, note="Yes.")
    suspended(bob, mod)
    exported = list(privacy.export(alice.pk))
    assert [kind for kind, _ in exported] == ["flags", "moderation_actions", "moderation_actions", "appeals"]
    assert (exported[0][1]["target_id"], exported[0][1]["note"]) == (str(mine.target_id), "He hates.")
    assert (exported[1][1]["id"], exported[1][1]["reason"]) == (str(action.pk), BECAUSE["reason"])
    assert exported[2][1]["action"] == "uphold_appeal"
    assert (exported[3][1]["text"], exported[3][1]["status"], exported[3][1]["note"]) == ("No.", "upheld", "Yes.")
    for secret in ("bob says so", str(mod.pk), str(judge.pk)):
        assert secret not in str(exported[1:])
    assert list(privacy.export(UserFactory().pk)) == []
