"""Permissions of the queue, the start page and the menu."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.moderation import services
from apps.moderation.cases import proposals
from apps.moderation.models import ModerationAction, SuspensionProposal
from tests.factories import PostFactory, UserFactory
from tests.moderation.people import make_moderator, taken_down
from tests.moderation.queue.helpers import BECAUSE, browser, case_of, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def requests(alice, mod):
    """{name: (method, path, form)}; each form would change something."""
    post = PostFactory(author=alice)
    report(post)
    undone = taken_down(PostFactory(author=alice), mod)
    proposal = proposals.propose(alice, by=mod, **BECAUSE)
    flag = "admin:moderation_flag"
    return {
        "queue": ("get", reverse(f"{flag}_queue"), {}),
        "case": ("get", case_of(post), {}),
        "author": ("get", reverse(f"{flag}_author", args=[alice.pk]), {}),
        "undo's page": ("get", reverse("admin:moderation_moderationaction_undo", args=[undone.pk]), {}),
        "decision": ("post", case_of(post), {"decision": "dismiss", "step": "confirm", **BECAUSE}),
        "release": ("post", reverse(f"{flag}_release", args=["post", post.pk]), {}),
        "sweep": (
            "post",
            reverse(f"{flag}_sweep"),
            {"target": f"post/{post.pk}", "decision": "dismiss", "step": "confirm", **BECAUSE},
        ),
        "proposal": ("post", reverse(f"{flag}_proposal", args=[proposal.pk]), {"verdict": "confirm"}),
        "undo": (
            "post",
            reverse("admin:moderation_moderationaction_undo", args=[undone.pk]),
            {"step": "confirm", **BECAUSE},
        ),
    }


@pytest.mark.promise("O1")
@pytest.mark.parametrize(
    "who", ["anonymous", "member", "clerk", "clerk that may see everything", "suspended moderator"]
)
def test_other_users_cannot_open_or_change_anything(requests, who):
    person = UserFactory(handle="person", is_staff=who.startswith("clerk"))
    if "everything" in who:
        person.user_permissions.set(make_moderator("chief", "admin").groups.get().permissions.all())
    client = Client() if who == "anonymous" else browser(person)
    if who == "suspended moderator":
        left = make_moderator("left")
        client = browser(left)
        left.state = "suspended"
        left.save()
    before = ModerationAction.objects.count()
    for name, (method, path, form) in requests.items():
        answer = getattr(client, method)(path, form)
        assert answer.status_code in {302, 403}, name
        assert answer.status_code == 403 or "/login/" in answer.url, name
    assert ModerationAction.objects.count() == before
    assert SuspensionProposal.objects.get().status == "open"


@pytest.mark.parametrize("role", ["moderator", "admin"])
def test_moderators_and_admins_can_use_every_page(requests, role):
    client = browser(make_moderator("second", role))
    for name, (method, path, form) in requests.items():
        answer = getattr(client, method)(path, form)
        assert answer.status_code in {200, 302}, name
        assert answer.status_code == 200 or "/login/" not in answer.url, name
    actions = set(ModerationAction.objects.filter(actor__handle="second").values_list("action", flat=True))
    assert actions == {"dismiss_flag", "suspend", "restore"}


def test_pages_that_only_change_something_refuse_get(requests, mod):
    client = browser(mod)
    for name in ("release", "proposal"):
        assert client.get(requests[name][1]).status_code == 405, name
    assert client.get(requests["sweep"][1]).url == requests["queue"][1]


@pytest.mark.parametrize(
    ("role", "sees", "misses"),
    [
        ("moderator", {"Queue", "Audit", "Reason templates"}, {"Schedule", "Queued tasks"}),
        ("admin", {"Queue", "Audit", "Reason templates", "Schedule", "Queued tasks"}, set()),
        (None, set(), {"Queue", "Audit", "Schedule", "Waiting for you"}),
    ],
)
def test_sidebar_shows_pages_by_role(role, sees, misses, django_assert_max_num_queries):
    person = make_moderator("someone", role) if role else UserFactory(handle="someone", is_staff=True)
    client = browser(person)
    with django_assert_max_num_queries(12):
        page = client.get("/admin/").text
    sidebar = page[page.index('id="nav-sidebar-inner"') : page.index('id="main"')]
    for title in sees:
        assert f"<span>{title}</span>" in sidebar, title
    for title in misses:
        assert title not in sidebar, title
    assert ("Waiting for you" in page) == bool(role)


def test_start_page_is_the_desk_and_not_the_index_of_models(mod, alice, django_assert_max_num_queries):
    mine, other = PostFactory(author=alice), PostFactory(author=alice)
    for row in (mine, other):
        report(row)
    client = browser(mod)
    client.get(case_of(mine))
    second = make_moderator("second")
    decided = [taken_down(PostFactory(author=alice), by) for by in (mod, second)]
    appeals = [services.appeal(action, by=alice.pk, text="No.") for action in decided]
    with django_assert_max_num_queries(12):
        page = client.get("/admin/")
    assert [case.target_id for case in page.context["mine"]] == [mine.pk]
    assert {case.target_id for case in page.context["cases"]} == {mine.pk, other.pk}
    assert list(page.context["appeals"]) == [appeals[1]], "moderators cannot decide appeals against their own decisions"
    assert page.context["numbers"] == {
        "Open cases": 2,
        "Open reports": 2,
        "Open appeals": 2,
        "Your decisions today": 1,
        "Applications": 0,
    }
    assert "Models in the" not in page.text
    assert "Site administration" not in page.text


def test_sign_in_page_has_no_link_to_a_site_that_does_not_exist():
    page = Client().get("/admin/login/").text
    assert "Return to site" not in page
    assert 'href="/"' not in page


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (reverse("admin:moderation_flag_changelist"), "There are no reports"),
        (reverse("admin:moderation_flag_changelist") + "?status__exact=open", "No reports match"),
        (reverse("admin:moderation_appeal_changelist"), "There are no appeals"),
        (reverse("admin:moderation_suspensionproposal_changelist"), "There are no proposed suspensions"),
        (reverse("admin:moderation_flag_queue"), "All reports are decided."),
        (reverse("admin:moderation_appeals"), "No appeal is waiting for a decision."),
        (reverse("admin:moderation_audit"), "No decision matches."),
    ],
)
def test_empty_list_says_why_it_is_empty(mod, path, text):
    page = browser(mod).get(path).text
    assert text in page
    assert "yielded" not in page


def test_every_entry_of_the_sidebar_opens():
    root = UserFactory(handle="root", is_staff=True, is_superuser=True)
    client = browser(root)
    page = client.get("/admin/")
    for group in page.context["sidebar_navigation"]:
        for item in group["items"]:
            assert item["has_permission"], item["title"]
            assert client.get(str(item["link"])).status_code == 200, item["title"]
