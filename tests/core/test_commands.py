"""What all commands of an operator keep to, shown by the repair of counters."""

import signal

import pytest
from django.core.management import get_commands, load_command_class

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.management.base import OperatorCommand
from tests.commands import interrupt, run
from tests.factories import PostFactory, UserFactory

pytestmark = pytest.mark.django_db
FOLLOWERS = "accounts.user.follower_count"
OURS = sorted(
    name
    for name, app in get_commands().items()
    # `doctor` is the former name of `system_check`.
    if app.startswith("apps.") and name != "doctor" and isinstance(load_command_class(app, name), OperatorCommand)
)


@pytest.fixture
def people():
    """Three, each with a wrong number of followers, in the order in which they are counted."""
    people = sorted((UserFactory(follower_count=7) for _ in range(3)), key=lambda user: user.pk)
    PostFactory(author=people[0], like_count=5)
    return people


def followers(people):
    return [User.objects.get(pk=user.pk).follower_count for user in people]


class TestRepairCounters:
    def test_wrong_counters_are_corrected_and_reported(self, people):
        outcome = run("repair_counters")
        assert outcome.code == 0
        assert f"{FOLLOWERS} of {people[0].pk}: 7 shown, 0 true" in outcome.out
        assert f"{FOLLOWERS:<32} 3 wrong" in outcome.out
        assert followers(people) == [0, 0, 0]
        assert Post.objects.get().like_count == 0
        assert run("repair_counters", "--json").json["wrong"] == dict.fromkeys(outcome_labels(), 0)

    def test_single_counter_can_be_repaired(self, people):
        outcome = run("repair_counters", "--counter", "content.post.like_count", "--json")
        assert outcome.json["wrong"] == {"content.post.like_count": 1}
        assert outcome.json["checked"] == 1
        assert followers(people) == [7, 7, 7]

    def test_unknown_counter_is_refused(self):
        outcome = run("repair_counters", "--counter", "content.post.views")
        assert (outcome.code, outcome.err) == (1, "There is no counter content.post.views.")

    def test_dry_run_changes_nothing(self, people):
        outcome = run("repair_counters", "--dry-run", "--json")
        assert outcome.json["dry_run"] is True
        assert outcome.json["wrong"][FOLLOWERS] == 3
        assert {"counter": FOLLOWERS, "id": str(people[0].pk), "shown": 7, "true": 0} in outcome.json["found"]
        assert followers(people) == [7, 7, 7]
        assert "Dry run: nothing was changed." in run("repair_counters", "--dry-run").out

    def test_interrupted_repair_continues_from_its_checkpoint(self, people, monkeypatch, settings):
        settings.MAINTENANCE_ROWS_PER_SECOND = 1
        interrupt(monkeypatch)
        stopped = run("repair_counters", "--json")
        assert stopped.code == 130
        assert stopped.json["stopped"] is True
        assert stopped.json["checked"] == 1
        assert stopped.json["go_on_after"] == f"{FOLLOWERS}/{people[0].pk}"
        assert followers(people) == [0, 7, 7]
        monkeypatch.undo()
        settings.MAINTENANCE_ROWS_PER_SECOND = 0
        User.objects.filter(pk=people[0].pk).update(follower_count=9)
        assert run("repair_counters", "--after", stopped.json["go_on_after"]).code == 0
        assert followers(people) == [9, 0, 0]

    @pytest.mark.parametrize("place", ["x", "accounts.user.follower_count/1", "/"])
    def test_invalid_checkpoint_is_refused(self, place):
        assert run("repair_counters", "--after", place).err == f"{place} is not a checkpoint of this command."


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
    def test_interrupted_command_completes_its_batch_and_prints_the_result(self, people, monkeypatch, settings, number):
        settings.MAINTENANCE_ROWS_PER_SECOND = 2
        interrupt(monkeypatch, number)
        outcome = run("repair_counters")
        assert outcome.code == 130
        assert "2 counters checked." in outcome.out
        assert "Stopped early. The result above is complete up to this point." in outcome.out
        assert f"--after {FOLLOWERS}/{people[1].pk}" in outcome.out

    def test_second_signal_ends_the_command_at_once(self, people, monkeypatch):
        interrupt(monkeypatch, times=2)
        outcome = run("repair_counters")
        assert outcome.code == 130
        assert outcome.err.startswith("Interrupted.")

    def test_signal_handlers_are_restored(self):
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        run("repair_counters")
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("name", OURS)
def test_help_contains_description_and_examples(name, capsys):
    command = load_command_class(get_commands()[name], name)
    with pytest.raises(SystemExit):
        command.run_from_argv(["manage.py", name, "--help"])
    told = capsys.readouterr().out
    assert len(command.help) > 80
    assert f"examples:\n  manage.py {name}" in told
    assert "--json" in told
    assert ("--dry-run" in told) is command.changes


@pytest.mark.parametrize("forgotten", ["work", "format_result"])
def test_incomplete_command_class_cannot_be_defined(forgotten):
    owed = {"work": lambda self, **options: {}, "format_result": lambda self, result: []}
    assert type("Whole", (OperatorCommand,), owed)()
    del owed[forgotten]
    with pytest.raises(TypeError, match=forgotten):
        type("Forgetful", (OperatorCommand,), owed)()


def outcome_labels():
    from apps.core.db.counters import every_counter

    return sorted(counter.label for counter in every_counter())
