"""Permissions of each role in the console: a table of pages and a table of actions."""

from itertools import product

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.accounts import invitations
from apps.accounts import services as accounts
from apps.accounts.models import EmailDomain, Invitation, User
from apps.core.models import DeadLetter
from apps.moderation import services
from apps.moderation.models import Appeal, Flag, StaffAct
from tests.conftest import rolled_back
from tests.console.codes import enrol
from tests.factories import PASSWORD, CommentFactory, MediaFactory, PostFactory, UserFactory
from tests.moderation.people import make_moderator, suspended, taken_down

pytestmark = pytest.mark.django_db
RANKS = ["nobody", "person", "clerk", "moderator", "senior_moderator", "admin", "superuser"]


def browser_of(rank):
    """Signed in as `rank`; a clerk is staff without any."""
    browser = Client()
    if rank == "nobody":
        return browser
    if rank in {"moderator", "senior_moderator", "admin"}:
        make_moderator("visitor", rank)
    else:
        UserFactory(handle="visitor", is_staff=rank != "person", is_superuser=rank == "superuser")
    assert browser.login(username="visitor", password=PASSWORD)
    return browser


def only(first):
    """200 from the rank `first` on, 403 for staff before it, and the login form for who is none."""
    return {
        rank: 302 if rank in {"nobody", "person"} else 200 if RANKS.index(rank) >= RANKS.index(first) else 403
        for rank in RANKS
    }


# Lists, and with each the page of a row. Superusers are admins.
PAGES = {
    "admin:index": only("clerk"),
    "console_two_factor": only("clerk"),
    "accounts.User": only("moderator"),
    "accounts.EmailDomain": only("moderator"),
    "content.Post": only("moderator"),
    "engagement.Comment": only("moderator"),
    "media.Media": only("moderator"),
    "moderation.Flag": only("moderator"),
    "moderation.ModerationAction": only("moderator"),
    "moderation.Appeal": only("moderator"),
    "moderation.ReasonTemplate": only("moderator"),
    "moderation.SuspensionProposal": only("moderator"),
    "moderation.TeamNote": only("moderator"),
    "site.SiteSettings": only("admin"),
    "site.Rule": only("admin"),
    "site.DocumentVersion": only("admin"),
    "site.Announcement": only("admin"),
    "safety.BlockedImage": only("moderator"),
    "safety.BlockedTerm": only("moderator"),
    "safety.NewAccountLimit": only("moderator"),
    "private": only("senior_moderator"),
    "accounts.Session": only("senior_moderator"),
    "accounts.Erasure": only("admin"),
    "accounts.DataExport": only("admin"),
    "accounts.WithheldHandle": only("admin"),
    "accounts.Invitation": only("admin"),
    "media.PendingDeletion": only("admin"),
    "content.Tag": only("admin"),
    "engagement.Like": only("admin"),
    "engagement.Save": only("admin"),
    "notifications.Notification": only("admin"),
    "notifications.Delivery": only("admin"),
    "social.Follow": only("admin"),
    "social.FollowRequest": only("admin"),
    "social.Block": only("admin"),
    "social.Mute": only("admin"),
    "core.JobRun": only("admin"),
    "core.QueuedTask": only("admin"),
    "core.DeadLetter": only("admin"),
    "django_celery_beat.PeriodicTask": only("admin"),
    "django_celery_beat.IntervalSchedule": only("admin"),
}


def path_of(page, alice):
    if page == "private":
        return reverse("admin:accounts_user_private", args=[alice.pk])
    if "." not in page:
        return reverse(page)
    return reverse(f"admin:{page.replace('.', '_').lower()}_changelist")


@pytest.mark.slow
@pytest.mark.promise("O1")
@pytest.mark.parametrize("rank", RANKS)
def test_page_is_visible_to_the_roles_in_the_table(rank, alice, django_assert_max_num_queries):
    browser, seen = browser_of(rank), {}
    # The first visit makes the secret.
    browser.get(reverse("console_two_factor"))
    for page in PAGES:
        with django_assert_max_num_queries(12):
            seen[page] = browser.get(path_of(page, alice)).status_code
    assert seen == {page: expected[rank] for page, expected in PAGES.items()}


def test_every_page_is_in_the_table():
    assert {model._meta.label for model in admin.site._registry} <= set(PAGES)


# ── Verbs ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def world(alice, bob):
    """Things to be decided on by somebody else, and what tells whether it was done."""
    judge = make_moderator("judge")
    enrol(judge)
    post = PostFactory(author=alice)
    accounts.open_session(alice, address="203.0.113.7")
    suspended(bob, judge)
    interval = IntervalSchedule.objects.create(every=1, period="hours")
    return {
        "alice": alice,
        "bob": bob,
        "judge": judge,
        "comment": CommentFactory(post=post, author=alice),
        "flag": services.flag(alice, by=judge.pk, category="spam")[0],
        "appeal": services.appeal(taken_down(post, judge), by=alice.pk, text="It is art."),
        "medium": MediaFactory(owner=alice, status="failed", error_code="broken"),
        "job": PeriodicTask.objects.create(name="x", task="apps.core.tasks.repair_counters", interval=interval),
        "invitation": invitations.create(alice.pk, max_uses=1, days=1),
        "domain": EmailDomain.objects.create(domain="blocked.example", effect="block", reason="x"),
        "letter": DeadLetter.objects.create(created_at=timezone.now(), task_id="1", task_name="x"),
    }


def act(browser, row, action):
    path = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist")
    return browser.post(path, {"action": action, "_selected_action": [str(row.pk)], "index": 0, "reason": "Because."})


def show(browser, person, what):
    path = reverse("admin:accounts_user_private", args=[person.pk])
    return browser.post(path, {"show": what, "reason": "Because."})


# verb → (from which rank on, how it is tried, whether it was done)
VERBS = {
    "close a report": (
        "moderator",
        lambda browser, world: act(browser, world["flag"], "dismiss"),
        lambda world: Flag.objects.get().status == "dismissed",
    ),
    "decide an appeal": (
        "moderator",
        lambda browser, world: act(browser, world["appeal"], "uphold"),
        lambda world: Appeal.objects.get().status == "upheld",
    ),
    "unsuspend": (
        "moderator",
        lambda browser, world: act(browser, world["bob"], "unsuspend"),
        lambda world: User.objects.get(pk=world["bob"].pk).state == "active",
    ),
    "read an e-mail address": (
        "senior_moderator",
        lambda browser, world: show(browser, world["alice"], "email"),
        lambda world: StaffAct.objects.filter(act="read_email").exists(),
    ),
    "read sessions": (
        "senior_moderator",
        lambda browser, world: show(browser, world["alice"], "sessions"),
        lambda world: StaffAct.objects.filter(act="read_sessions").exists(),
    ),
    "read security events": (
        "senior_moderator",
        lambda browser, world: browser.post(
            reverse("admin:accounts_user_security_events", args=[world["alice"].pk]), {"reason": "Because."}
        ),
        lambda world: StaffAct.objects.filter(act="read_security_events").exists(),
    ),
    "remove an e-mail domain": (
        "senior_moderator",
        lambda browser, world: act(browser, world["domain"], "remove"),
        lambda world: not EmailDomain.objects.exists(),
    ),
    "revoke an invitation": (
        "admin",
        lambda browser, world: act(browser, world["invitation"], "revoke"),
        lambda world: Invitation.objects.filter(revoked_at__isnull=False).exists(),
    ),
    "reset two-factor": (
        "admin",
        lambda browser, world: browser.post(
            reverse("admin:accounts_user_reset_two_factor", args=[world["judge"].pk]), {"reason": "Because."}
        ),
        lambda world: StaffAct.objects.filter(act="reset_two_factor").exists(),
    ),
    "verify an account": (
        "admin",
        lambda browser, world: browser.post(
            reverse("admin:accounts_user_verify", args=[world["alice"].pk]), {"verified": "true", "reason": "Because."}
        ),
        lambda world: User.objects.get(pk=world["alice"].pk).is_verified,
    ),
    "run a job": (
        "admin",
        lambda browser, world: act(browser, world["job"], "run_now"),
        lambda world: StaffAct.objects.filter(act="run_job").exists(),
    ),
    "drop a dead letter": (
        "admin",
        lambda browser, world: act(browser, world["letter"], "drop"),
        lambda world: not DeadLetter.objects.exists(),
    ),
}


@pytest.mark.slow
@pytest.mark.promise("O1")
def test_action_is_allowed_to_the_roles_in_the_table(world, subtests):
    for (verb, (first, attempt, done)), rank in product(VERBS.items(), RANKS):
        with subtests.test(verb=verb, rank=rank), rolled_back():
            assert not done(world)
            attempt(browser_of(rank), world)
            assert done(world) is (RANKS.index(rank) >= RANKS.index(first))


# ── No form past a service ───────────────────────────────────────────────────────────────────────────────
# The schedule is Celery's own table: administrators change it by a form, under a banner, and it is written down.
RAW = {
    "django_celery_beat.PeriodicTask": {"change"},
    "django_celery_beat.IntervalSchedule": {"add"},
}
# Forms of Django's whose rows are kept and dropped by verbs, which write that down.
BY_VERBS = {"moderation.ReasonTemplate": {"add", "change", "delete"}}


def raw_rights(request):
    """{model: what a form of the console would let whoever asks do to its rows}."""
    rights = {
        model._meta.label: {
            name for name in ("add", "change", "delete") if getattr(page, f"has_{name}_permission")(request)
        }
        for model, page in admin.site._registry.items()
    }
    return {label: held for label, held in rights.items() if held}


@pytest.mark.promise("O1")
@pytest.mark.parametrize("rank", RANKS[2:])
def test_only_the_schedule_is_written_without_a_service(rank, rf):
    request = rf.get("/admin/")
    browser_of(rank)
    request.user = User.objects.get(handle="visitor")
    rules = BY_VERBS if RANKS.index(rank) >= RANKS.index("senior_moderator") else {}
    schedule = RAW if rank in {"admin", "superuser"} else {}
    assert raw_rights(request) == rules | schedule
    for model, page in admin.site._registry.items():
        assert not page.inlines
        if model._meta.label in BY_VERBS:
            for method in ("save_model", "delete_model"):
                assert method in vars(type(page)), f"{model._meta.label}.{method} is Django's own"
        assert not page.list_editable
        assert "delete_selected" not in page.get_actions(request)


def test_banner_warns_on_forms_that_write_directly(world):
    browser = browser_of("superuser")
    warned = "write directly to the database"
    for path in (
        reverse("admin:django_celery_beat_periodictask_changelist"),
        reverse("admin:django_celery_beat_periodictask_change", args=[world["job"].pk]),
        reverse("admin:django_celery_beat_intervalschedule_add"),
    ):
        assert warned in browser.get(path).text
    assert warned not in browser.get(reverse("admin:accounts_user_changelist")).text


def test_changes_of_the_schedule_are_audited(world):
    browser = browser_of("admin")
    job = world["job"]
    page = reverse("admin:django_celery_beat_periodictask_change", args=[job.pk])
    browser.post(page, {"interval": job.interval.pk, "expire_seconds": 600})
    act = StaffAct.objects.get()
    assert (act.act, act.actor.handle, act.subject_id) == ("change_schedule", "visitor", str(job.pk))
    assert act.detail["enabled"] == "False"
