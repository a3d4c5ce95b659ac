"""Reports, decisions and statements of reasons refer to the rules of the site."""

import pytest
from django.core import mail
from django.test import Client

from apps.accounts.models import User
from apps.core.db.ids import new_id
from apps.moderation.cases import proposals
from apps.moderation.models import Flag, ModerationAction
from apps.site import services as site
from tests.factories import PASSWORD, PostFactory
from tests.moderation.people import make_moderator
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(db):
    return site.add_rule({"en": {"title": "No advertisements", "text": "Not even for friends."}})


@pytest.fixture
def post(alice):
    return PostFactory(author=alice)


def cited(version):
    return {"id": str(version.rule_id), "version": version.number, "title": version.texts["en"]["title"]}


def test_report_names_a_rule_in_its_present_wording(api, bob, mod, post, rule):
    body = {"category": "spam", "rule": str(rule.rule_id)}
    made = api(bob).post(f"/moderation/posts/{post.pk}/flag", body)
    assert (made.status_code, made.json()["rule"]) == (201, cited(rule))
    site.change_rule(rule.rule, texts={"en": {"title": "No advertising"}}, position=0)
    [listed] = api(mod).get("/moderation/flags").json()["results"]
    assert listed["rule"] == cited(rule)


@pytest.mark.parametrize("value", [None, "absent"])
def test_report_needs_no_rule(api, bob, post, value):
    body = {"category": "spam"} | ({} if value == "absent" else {"rule": value})
    assert api(bob).post(f"/moderation/posts/{post.pk}/flag", body).json()["rule"] is None


@pytest.mark.parametrize("value", ["unknown", "withdrawn", "no id"])
def test_rule_that_is_not_in_force_is_refused(api, bob, post, rule, value):
    site.withdraw_rule(rule.rule)
    body = {
        "category": "spam",
        "rule": {"unknown": str(new_id()), "withdrawn": str(rule.rule_id), "no id": "x"}[value],
    }
    refused = api(bob).post(f"/moderation/posts/{post.pk}/flag", body)
    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == ["rule"]
    assert not Flag.objects.exists()


@pytest.mark.parametrize("decision", ["takedown", "mark-sensitive", "limit"])
def test_statement_of_a_decision_cites_the_rule_as_it_was(api, alice, mod, post, rule, deliver, decision):
    body = {"reason": "An advertisement.", "category": "spam", "rule": str(rule.rule_id)}
    action = api(mod).post(f"/moderation/posts/{post.pk}/{decision}", body).json()
    assert action["rule"] == cited(rule)
    site.change_rule(rule.rule, texts={"en": {"title": "No advertising"}}, position=0)
    sentence = "It breaks this rule: “No advertisements”. Not even for friends."
    statement = api(alice).get(f"/moderation/actions/{action['id']}/statement").json()
    assert sentence in " ".join(statement["paragraphs"])
    deliver()
    [sent] = [each for each in mail.outbox if each.to == [alice.email]]
    assert sentence in sent.body
    assert [row["rule"] for row in api(mod).get("/moderation/audit").json()["results"]] == [cited(rule)]


def test_rule_is_cited_in_the_language_of_the_reader(api, alice, bob, mod, post, deliver):
    title, text = "Keine Werbung", "Auch nicht für Freunde."
    german = {"title": title, "text": text}
    rule = site.add_rule({"en": {"title": "No advertisements", "text": "Never."}, "de": german})
    User.objects.update(locale="de")
    body = {"category": "spam", "rule": str(rule.rule_id)}
    report = api(bob).post(f"/moderation/posts/{post.pk}/flag", body, HTTP_ACCEPT_LANGUAGE="de")
    assert report.json()["rule"]["title"] == title
    assert title in Browser(alice).get(f"/report?type=post&id={PostFactory().pk}").content.decode()
    decision = {"reason": "Werbung.", **body}
    action = api(mod).post(f"/moderation/posts/{post.pk}/takedown", decision).json()
    assert action["rule"]["title"] == "No advertisements"
    sentence = f"Es verstößt gegen diese Regel: „{title}“. {text}"
    path = f"/moderation/actions/{action['id']}/statement"
    assert sentence in " ".join(api(alice).get(path, HTTP_ACCEPT_LANGUAGE="de").json()["paragraphs"])
    deliver()
    assert any(sentence in each.body for each in mail.outbox if each.to == [alice.email])


@pytest.mark.parametrize("decision", ["suspend", "warn", "limit"])
def test_decisions_about_accounts_cite_a_rule(api, alice, mod, rule, decision):
    body = {"reason": "Advertisements.", "category": "spam", "rule": str(rule.rule_id)}
    assert api(mod).post(f"/moderation/users/@alice/{decision}", body).json()["rule"] == cited(rule)


def test_confirmed_proposal_cites_its_rule(alice, mod, rule):
    proposal = proposals.propose(alice, by=mod, reason="Spam.", category="spam", rule=rule)
    assert proposals.confirm(proposal, by=make_moderator("judge")).rule_version == rule


def test_takedowns_for_different_rules_are_in_different_mails(api, alice, mod, post, rule, deliver):
    other = site.add_rule({"en": {"title": "No spam"}})
    for target, version in ((post, rule), (PostFactory(author=alice), other)):
        body = {"reason": "An advertisement.", "category": "spam", "rule": str(version.rule_id)}
        api(mod).post(f"/moderation/posts/{target.pk}/takedown", body)
    deliver()
    assert len([each for each in mail.outbox if each.to == [alice.email]]) == 2


def test_moderator_chooses_a_rule_at_the_desk(alice, mod, post, rule):
    browser = Client()
    assert browser.login(username="mod", password=PASSWORD)
    path = f"/admin/moderation/flag/case/post/{post.pk}/"
    assert "No advertisements" in browser.get(path, {"act": "take_down"}).content.decode()
    form = {"decision": "take_down", "reason": "Spam.", "category": "spam", "rule": str(rule.pk)}
    preview = browser.post(path, form)
    assert "Rule: No advertisements." in preview.content.decode()
    assert f'name="rule" value="{rule.pk}"' in preview.content.decode()
    browser.post(path, form | {"step": "confirm"})
    assert ModerationAction.objects.get(action="takedown").rule_version == rule


def test_member_names_a_rule_on_the_page(alice, bob, post, rule):
    path = f"/report?type=post&id={post.pk}"
    assert "No advertisements" in Browser(bob).get(path).content.decode()
    refused = Browser(bob).post(path, {"category": "spam", "rule": "x"})
    assert refused.status_code == 400
    assert Browser(bob).post(path, {"category": "spam", "rule": str(rule.rule_id)}).status_code == 200
    assert Flag.objects.get().rule_version == rule
    assert Browser(alice).post(path.replace(str(post.pk), str(PostFactory().pk)), {"category": "spam", "rule": ""})
    assert Flag.objects.filter(rule_version=None).count() == 1
