"""Permissions, query budgets and escaping of the moderation pages."""

import re
from itertools import product
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import Application
from apps.core.db.ids import new_id
from apps.engagement.models import Like
from apps.moderation import notes, services, tags
from apps.moderation.admin.urls import PAGES
from apps.moderation.audit.records import record_staff_act
from apps.moderation.cases import measures
from tests.conftest import rolled_back
from tests.factories import BlockFactory, CommentFactory, FollowFactory, PostFactory, UserFactory
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>"
FOR_MODERATORS = [
    "moderation_dashboard",
    "moderation_search",
    "moderation_appeals",
    "moderation_applications",
    "moderation_application",
    "moderation_person",
    "moderation_post",
    "moderation_audit",
    "moderation_transparency",
    "moderation_tags",
    "moderation_digest",
]
# Who → what of our pages is theirs.
RIGHTS = {
    "moderator": set(FOR_MODERATORS),
    "admin": {*FOR_MODERATORS, "moderation_workload"},
    "superuser": {*FOR_MODERATORS, "moderation_workload"},
    "staff that may see everything": set(),
    "staff": set(),
}
LOOKED_AT = [*FOR_MODERATORS, "moderation_workload"]


@pytest.fixture
def world(alice, bob, carol):
    """Something on every page, and every text that people or moderators type is evil."""
    alice.display_name, alice.bio = EVIL, EVIL
    alice.save()
    lead = make_moderator("lead")
    post = PostFactory(author=alice, caption=EVIL, photos=3, sensitive=True)
    for n in range(4):
        friend = UserFactory(handle=f"friend{n}")
        FollowFactory(follower=friend, followed=alice)
        FollowFactory(follower=alice, followed=friend)
        CommentFactory(post=post, author=friend, text=f"{EVIL} {n}")
        Like.objects.create(post=post, user=friend)
        other = PostFactory(author=alice, caption=EVIL)
        services.flag(other, by=bob.pk, category="spam", note=EVIL)
        action = services.take_down_post(other, by=lead, reason=EVIL, category="nudity")
        appeal = services.appeal(action, by=alice.pk, text=EVIL)
        if n % 2:
            services.decide_appeal(appeal, by=make_moderator(f"judge{n}"), overturn=n == 3, note=EVIL)
    comment = CommentFactory(post=post, author=alice, text=EVIL)
    services.appeal(services.take_down_comment(comment, by=lead, reason=EVIL, category="hate"), by=alice.pk, text=EVIL)
    BlockFactory(blocker=carol, blocked=alice)
    services.flag(post, by=carol.pk, category="spam", note=EVIL)
    accounts.open_session(alice)
    record_staff_act("read_sessions", alice, by=lead.pk, reason=EVIL, what=EVIL)
    services.suspend(alice, by=lead, reason=EVIL, category="spam")
    measures.warn(alice, by=lead, reason=EVIL, category="spam")
    notes.add(alice, by=lead, text=EVIL)
    tags.restrict("snow", by=lead, reason=EVIL, hidden=True)
    applicant = UserFactory(handle="dora", state="pending", display_name=EVIL, erase_after=timezone.now())
    application = Application.objects.create(user=applicant, reason=EVIL)
    return {"person_id": alice.pk, "post_id": post.pk, "application_id": application.pk}


def path_of(name, world):
    taken = {key: world[key] for key in re.findall(r"uuid:(\w+)", PAGES[name][0])}
    return reverse(f"admin:{name}", kwargs=taken)


def person_who_is(kind):
    if kind in {"moderator", "admin"}:
        return make_moderator("looker", kind)
    looker = UserFactory(handle="looker", is_staff=True, is_superuser=kind == "superuser")
    if kind == "staff that may see everything":
        looker.user_permissions.set(Permission.objects.all())
    return looker


@pytest.mark.slow
@pytest.mark.promise("O1")
def test_pages_are_visible_to_their_roles(browser, world, subtests):
    for kind, visible in RIGHTS.items():
        with subtests.test(kind=kind), rolled_back():
            client = browser(person_who_is(kind))
            seen = {name for name in LOOKED_AT if client.get(path_of(name, world)).status_code == 200}
            assert seen == visible
            sidebar = client.get("/admin/").text
            for name in RIGHTS["admin"] - {"moderation_person", "moderation_post", "moderation_application"}:
                assert (f'href="{path_of(name, world)}"' in sidebar) == (name in visible), name


@pytest.mark.promise("O1")
def test_senior_moderators_see_the_workload(browser, world):
    senior = make_moderator("senior", role="senior_moderator")
    assert browser(senior).get(path_of("moderation_workload", world)).status_code == 200


@pytest.mark.promise("O1")
def test_anonymous_visitor_is_asked_to_sign_in():
    ids = dict.fromkeys(("person_id", "post_id", "appeal_id", "application_id", "note_id"), new_id())
    for name in PAGES:
        for method in ("get", "post"):
            assert getattr(Client(), method)(path_of(name, ids)).status_code == 302, (method, name)


@pytest.mark.slow
def test_pages_open_within_query_budget_and_escape_text(browser, world, django_assert_max_num_queries):
    client = browser(make_moderator("looker", "admin"))
    client.get("/admin/")
    for name, asked in product(LOOKED_AT, ({}, {"q": "alert"}, {"tab": "staff"}, {"status": "upheld"})):
        with django_assert_max_num_queries(12):
            page = client.get(f"{path_of(name, world)}?{urlencode(asked)}")
        assert page.status_code == 200
        assert "<script>alert(1)" not in page.text
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>\s*[^<\s]", page.text)
        assert not re.search(r"<[^>]*\son(click|change|submit|load|error|input)\s*=", page.text)


@pytest.mark.parametrize("name", ["moderation_person", "moderation_post"])
def test_page_of_unknown_user_is_not_found(browser, mod, name):
    ids = dict.fromkeys(("person_id", "post_id"), new_id())
    assert browser(mod).get(path_of(name, ids)).status_code == 404


def test_pages_do_not_name_reporters(browser, world, mod):
    for name in ("moderation_person", "moderation_post"):
        assert "@carol" not in browser(mod).get(path_of(name, world)).text
