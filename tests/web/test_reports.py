"""Reports and appeals as pages, and the statement of reasons through the API."""

import pytest

from apps.core.db.ids import new_id
from apps.moderation import services
from apps.moderation.appeals import statements
from apps.moderation.models import Appeal, Flag
from tests.factories import CommentFactory, PostFactory
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def decision(alice, mod):
    """The takedown of a post by alice."""
    post = PostFactory(author=alice, caption="Buy watches")
    return services.take_down_post(post, by=mod, reason="It is an advertisement.", category="spam")


@pytest.mark.parametrize("kind", ["post", "comment", "user"])
def test_member_reports(kind, alice, bob):
    post = PostFactory(author=alice)
    target = {"post": post, "comment": CommentFactory(post=post, author=alice), "user": alice}[kind]
    path = f"/report?type={kind}&id={target.pk}"
    assert Browser(bob).get(path).status_code == 200
    response = Browser(bob).post(path, {"category": "spam", "note": "Again."})
    assert "Thank you" in response.content.decode()
    flag = Flag.objects.get()
    assert (flag.target_type, flag.target_id, flag.category, flag.note) == (kind, target.pk, "spam", "Again.")


@pytest.mark.parametrize("query", ["", "type=post", "type=x&id={id}", "type=post&id=x", "type=post&id={id}"])
def test_report_of_nothing_is_not_found(query, bob):
    assert Browser(bob).get(f"/report?{query.format(id=new_id())}").status_code == 404


def test_report_of_an_invisible_post_is_not_found(alice, mallory):
    post = PostFactory(author=alice)
    assert Browser(mallory).get(f"/report?type=post&id={post.pk}").status_code == 404


def test_visitor_who_reports_is_sent_to_sign_in(alice):
    response = Browser().get(f"/report?type=user&id={alice.pk}")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login?next=%2Freport")


@pytest.mark.parametrize("body", [{}, {"category": "x"}, {"category": "spam", "note": "x" * 1001}])
def test_malformed_report_shows_an_error(body, alice, bob):
    response = Browser(bob).post(f"/report?type=user&id={alice.pk}", body)
    assert response.status_code == 400
    assert "field-error" in response.content.decode()
    assert not Flag.objects.exists()


def appeal_path(decision, token=None):
    return f"/appeal?action={decision.pk}&token={token or statements.appeal_token(decision.pk)}"


def test_holder_of_the_link_reads_the_statement_and_appeals_once(decision):
    page = Browser().get(appeal_path(decision)).content.decode()
    assert "Your post was taken down" in page
    assert "It is an advertisement." in page
    page = Browser().post(appeal_path(decision), {"text": "It is my own photo."}).content.decode()
    assert "We have received your appeal." in page
    assert Appeal.objects.get().text == "It is my own photo."
    response = Browser().post(appeal_path(decision), {"text": "Again."})
    assert response.status_code == 409
    assert Appeal.objects.count() == 1


def test_affected_member_needs_no_token(decision, alice, bob):
    path = f"/appeal?action={decision.pk}"
    assert Browser(alice).get(path).status_code == 200
    assert Browser(bob).get(path).status_code == 404
    assert Browser().get(path).status_code == 302


@pytest.mark.parametrize("token", ["x", "", "a:b:c"])
def test_wrong_token_is_refused(token, decision):
    response = Browser().get(f"/appeal?action={decision.pk}&token={token}")
    assert response.status_code == 400
    assert "advertisement" not in response.content.decode()


def test_statement_of_another_action_is_refused(decision):
    path = f"/v1/moderation/actions/{decision.pk}/statement"
    assert Browser().get(path, {"token": statements.appeal_token(new_id())}).json()["code"] == "invalid_link"


def test_statement_through_the_api(decision, api, alice, bob, anonymous):
    path = f"/moderation/actions/{decision.pk}/statement"
    statement = api(alice).get(path).json()
    assert statement["subject"] == "Your post was taken down"
    assert statement["can_appeal"] is True
    assert "actor" not in statement
    assert anonymous.get(path, {"token": statements.appeal_token(decision.pk)}).json() == statement
    assert anonymous.get(path).status_code == 401
    assert api(bob).get(path).status_code == 404
    api(alice).post(f"/moderation/actions/{decision.pk}/appeal", {"text": "It is my own photo."})
    assert api(alice).get(path).json()["appeal"]["status"] == "open"
    assert api(alice).get(path).json()["can_appeal"] is False
