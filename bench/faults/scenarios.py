"""The faults, one function each: what is done to the machine under load, and what is demanded afterwards."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from apps.core.models import DeadLetter
from bench.faults import audit, poison
from bench.faults.load import EVERYTHING, WRITES, Calls, Crowd, Person
from bench.faults.network import MailSink, Proxy
from bench.faults.processes import Processes
from bench.faults.servers import Servers

UPLOAD_CALLS = {"upload", "complete"}


@dataclass(frozen=True)
class Row:
    """One demand and what was measured."""

    scenario: str
    demand: str
    result: str
    met: bool


@dataclass
class Bench:
    """The machine, and what was found so far. `scale` shortens everything that takes its time."""

    servers: Servers
    processes: Processes
    proxy: Proxy
    mails: MailSink
    url: str
    seed: int
    scale: float
    rows: list[Row] = field(default_factory=list)
    scenario: str = ""
    say: Callable[[str], None] = print

    def crowd(self, name: str, size: int = 24, posts: int = 24) -> Crowd:
        """People who have signed up, and posts that everybody sees."""
        storage = f"http://127.0.0.1:{self.proxy.port}"
        crowd = Crowd(name, url=self.url, storage=storage, mails=self.mails, seed=self.seed, size=size)
        crowd.persistent = True
        crowd.arrive()
        crowd.show(posts)
        if self.settled(at_most=120) is None:
            raise TimeoutError(f"Not at rest before {name}: {audit.under_way()}")
        crowd.persistent = False
        return crowd

    @staticmethod
    def settled(*, at_most: float) -> float | None:
        connection.close()
        return audit.seconds_until(audit.under_way, at_most=at_most)

    def demand(self, demand: str, met: bool, result: str) -> None:
        self.rows.append(Row(self.scenario, demand, result, met))
        self.say(f"  {'ok  ' if met else 'MISS'} {self.scenario}: {demand}: {result}")

    def demand_settled(self, what: str, seconds: float) -> None:
        took = self.settled(at_most=seconds)
        left = "" if took is not None else f", left: {audit.under_way()}"
        shown = "not in time" if took is None else f"{took:.0f} s"
        self.demand(f"{what} within {seconds:.0f} s", took is not None, shown + left)

    def demand_faultless(self, crowd: Crowd) -> None:
        connection.close()
        found = audit.faults(crowd)
        for fault in found[:20]:
            self.say(f"       {fault}")
        ledger = crowd.ledger
        self.demand(
            "every acknowledged act is there, each notification and mail once, counters equal rows",
            not found,
            f"{len(ledger.uploads)} uploads, {ledger.acts} acts, {len(found)} faults, "
            f"{audit.mails_sent_again(crowd)} mails sent again under the same Message-ID",
        )


# ── a. Kills ─────────────────────────────────────────────────────────────────────────────────────────────────────
def kills(bench: Bench) -> None:
    """SIGKILL at random to every kind of process, and to the broker twice, while photographs are uploaded."""
    killings, uploads, acts = (max(3, round(n * bench.scale)) for n in (32, 200, 1000))
    crowd = bench.crowd("kills")
    dice = random.Random(f"{bench.seed} whom")
    crowd.persistent = True
    already = len(crowd.ledger.uploads), crowd.ledger.acts
    victims: list[str] = []
    # Uploads come faster than they are processed, so that kills meet work.
    mix = EVERYTHING | {"upload": 8}
    with crowd.at_work(mix, threads=10, pause=0.25):
        broker_at = {killings // 3, 2 * killings // 3}
        while (
            len(victims) < killings
            or len(crowd.ledger.uploads) - already[0] < uploads
            or crowd.ledger.acts - already[1] < acts
        ):
            time.sleep(dice.uniform(1.5, 4.0))
            if len(victims) in broker_at:
                broker_at.remove(len(victims))
                bench.servers.kill_valkey()
                time.sleep(1)
                bench.servers.start_valkey()
            if len(victims) < killings and (victim := _kill_someone(bench, dice)):
                victims.append(victim)
    counted = ", ".join(f"{victims.count(name)} {name}" for name in sorted(set(victims)))
    enough = len(victims) >= killings and not broker_at
    bench.demand(f"at least {killings} kills and 2 of the broker", enough, f"{counted}; {2 - len(broker_at)} broker")
    bench.demand_settled("after the last kill everything is settled", 120)
    bench.demand_faultless(crowd)
    orphans = len(audit.unknown_objects())
    swept = audit.sweep()
    left = len(audit.unknown_objects())
    bench.demand("no orphaned object after the sweep", not left, f"{orphans} before ({swept} swept), {left} after")
    bench.say(f"  calls: {crowd.calls}")


def _kill_someone(bench: Bench, dice: random.Random) -> str:
    """Who it was; nobody if that one was dead already."""
    victims = {"child of worker": 3, "child of media": 3, "child of api": 4, "worker": 2, "media": 2}
    victims |= {"dispatcher": 4}
    victim = dice.choices(list(victims), list(victims.values()))[0]
    if not victim.startswith("child of "):
        return victim if bench.processes.send(victim, signal.SIGKILL) else ""
    pid = bench.processes.child_of(victim.removeprefix("child of "))
    if pid is None:
        return ""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return victim


# ── b. Redis ─────────────────────────────────────────────────────────────────────────────────────────────────────
@contextmanager
def _killed(bench: Bench) -> Iterator[None]:
    bench.servers.kill_valkey()
    yield
    bench.servers.start_valkey()


@contextmanager
def _frozen(bench: Bench) -> Iterator[None]:
    with bench.servers.frozen_valkey():
        yield


@contextmanager
def _flushed(bench: Bench) -> Iterator[None]:
    bench.servers.flush_valkey()
    yield
    bench.servers.flush_valkey()


def redis(bench: Bench) -> None:
    """Cache and broker killed, frozen and emptied, a minute each under load."""
    ways = {"killed": _killed, "frozen": _frozen, "flushed": _flushed}
    for way, away in ways.items():
        crowd = bench.crowd(f"r_{way}")
        before = _answers(crowd)
        ended = _session_that_ends(crowd, crowd.people[0])
        with away(bench):
            begun = time.monotonic()
            without = _answers(crowd)
            later = _session_that_ends(crowd, crowd.people[1])
            with crowd.at_work(EVERYTHING, threads=6, pause=0.4):
                time.sleep(60 * bench.scale)
            still_refused = _are_refused(crowd, [ended, later])
        calls = crowd.calls.since(begun)
        bench.scenario = f"redis {way}"
        _demand_service(bench, calls)
        _demand_equal(bench, before, without)
        bench.demand_settled("after its return the backlog is delivered", 60)
        refused = still_refused and _are_refused(crowd, [ended, later])
        bench.demand("no revoked session is accepted, then or afterwards", refused, "401" if refused else "accepted")
        bench.demand_faultless(crowd)
    bench.scenario = "redis older"
    _older_snapshot(bench)


def _older_snapshot(bench: Bench) -> None:
    """Redis comes back with what it had a minute ago."""
    crowd = bench.crowd("r_older")
    sessions = [crowd.another_session(person) for person in crowd.people[:4]]
    for person, session in zip(crowd.people, sessions, strict=False):
        # Seen, and so recorded in Redis.
        crowd.call("who", "GET", "/auth/me", person, token=session["access"])
    snapshot = bench.servers.snapshot_valkey()
    for person, session in zip(crowd.people, sessions, strict=False):
        _end(crowd, person, session)
    with crowd.at_work(EVERYTHING, threads=6, pause=0.4):
        time.sleep(30 * bench.scale)
    bench.servers.kill_valkey()
    begun = time.monotonic()
    bench.servers.restore_valkey(snapshot)
    accepted = [session for session in sessions if not _are_refused(crowd, [session["access"]])]
    with crowd.at_work(EVERYTHING, threads=6, pause=0.4):
        time.sleep(30 * bench.scale)
    _demand_service(bench, crowd.calls.since(begun))
    accepted += [session for session in sessions if not _are_refused(crowd, [session["access"]])]
    bench.demand("no revoked session is accepted", not accepted, f"{len(accepted)} of {len(sessions)}")
    bench.demand_settled("the backlog is delivered", 60)
    with_old = _answers(crowd)
    bench.servers.flush_valkey()
    _demand_equal(bench, with_old, _answers(crowd))
    bench.demand_faultless(crowd)


def _demand_service(bench: Bench, calls: Calls) -> None:
    bench.demand("99.9 % of calls are served", calls.share_served >= 0.999, f"{calls.share_served:.2%}; {calls}")
    bench.demand("p99 at most 2 s", calls.percentile(99) <= 2, f"{calls.percentile(99):.2f} s")


def _demand_equal(bench: Bench, some: dict[str, Any], others: dict[str, Any]) -> None:
    differing = sorted(path for path, answer in some.items() if others[path] != answer)
    shown = f"{len(some)} compared, {len(differing)} differ {' '.join(differing[:5])}"
    bench.demand("answers equal to those with Redis in order", not differing, shown)


def _answers(crowd: Crowd) -> dict[str, Any]:
    """What people see, without what differs from one time to the next."""
    paths = ["/feed", "/explore", "/notifications", "/users/me", "/users/me/liked", "/users/suggestions"]
    paths += [f"/users/@{crowd.people[-1].handle}", f"/posts/{crowd.visible[0]}", f"/posts/{crowd.visible[0]}/comments"]
    answers = {}
    for person in crowd.people[2:8]:
        for path in paths:
            answer = crowd.call("compared", "GET", path, person)
            shown = None if answer is None else (answer.status_code, json.dumps(answer.json(), sort_keys=True))
            answers[f"{person.handle} {path}"] = shown
    return answers


def _session_that_ends(crowd: Crowd, person: Person) -> str:
    """The access token of a session that was in use and has been revoked."""
    session = crowd.another_session(person)
    crowd.call("who", "GET", "/auth/me", person, token=session["access"])
    _end(crowd, person, session)
    return str(session["access"])


def _end(crowd: Crowd, person: Person, session: dict[str, Any]) -> None:
    crowd.do("revoke", "POST", "/auth/revoke", person, {"session_id": session["session_id"]})


def _are_refused(crowd: Crowd, tokens: list[str]) -> bool:
    answers = [crowd.call("who", "GET", "/auth/me", crowd.people[0], token=token) for token in tokens for _ in range(4)]
    return all(answer is not None and answer.status_code == 401 for answer in answers)


# ── c. Storage ───────────────────────────────────────────────────────────────────────────────────────────────────
def storage(bench: Bench) -> None:
    """Object storage refuses, and then answers after five seconds, each for half a minute with uploads in flight."""

    def refuse() -> None:
        bench.proxy.refuse()

    def slow_down() -> None:
        bench.proxy.latency = 5.0

    for way, begin in {"down": refuse, "slow": slow_down}.items():
        crowd = bench.crowd(f"s_{way}", posts=30)
        with crowd.at_work(EVERYTHING | {"delete": 3}, threads=6, pause=0.3):
            time.sleep(6 * bench.scale)
            begin()
            begun = time.monotonic()
            time.sleep(45 * bench.scale)
            during = crowd.calls.since(begun)
            deleted = list(crowd.ledger.deleted)
        bench.proxy.pass_through()
        bench.scenario = f"storage {way}"
        others = during.of(lambda call: call.kind not in UPLOAD_CALLS)
        uploads = during.of(lambda call: call.kind in UPLOAD_CALLS)
        bench.demand("all but uploads is served", others.share_served == 1.0, str(others))
        honest = all(call.status != 500 and call.status != 0 for call in uploads.all)
        bench.demand("uploads are served or answer 503", honest, str(uploads))
        bench.demand("no call takes more than 5 s", during.slowest <= 5, f"slowest {during.slowest:.1f} s")
        bench.demand_settled("after its return uploads in flight are settled", 120)
        took = audit.seconds_until(audit.overdue_deletions, at_most=120)
        bench.demand(
            f"all deletions are carried out, {len(deleted)} of posts among them",
            took is not None and bool(deleted),
            "not in time" if took is None else f"{took:.0f} s later",
        )
        left = len(audit.unknown_objects())
        audit.sweep()
        bench.demand("no orphaned object after the sweep", not audit.unknown_objects(), f"{left} before it")
        bench.demand_faultless(crowd)


# ── d. PostgreSQL ────────────────────────────────────────────────────────────────────────────────────────────────
def postgres(bench: Bench) -> None:
    """Stopped at once and started, ten times, under writes."""
    times = max(2, round(10 * bench.scale))
    crowd = bench.crowd("postgres")
    dice = random.Random(f"{bench.seed} when")
    begun = time.monotonic()
    with crowd.at_work(WRITES | {"feed": 5, "upload": 1}, threads=8, pause=0.1):
        for _ in range(times):
            time.sleep(dice.uniform(3, 5))
            bench.servers.stop_postgres_at_once()
            time.sleep(dice.uniform(0.5, 4))
            bench.servers.start_postgres()
        time.sleep(5)
    calls = crowd.calls.since(begun)
    failing = calls.of(lambda call: call.status >= 500 or call.status == 0)
    only_503 = all(call.status == 503 for call in failing.all)
    bench.demand(f"stopped {times} times, only 503 in between", only_503 and bool(failing.all), str(calls))
    bench.demand("no call takes more than 5 s", calls.slowest <= 5, f"slowest {calls.slowest:.1f} s")
    bench.demand_settled("everything is settled", 120)
    bench.demand_faultless(crowd)


# ── e. Rolling restarts ──────────────────────────────────────────────────────────────────────────────────────────
def restarts(bench: Bench) -> None:
    """Every process told to end and started again, one after the other, five times, under load."""
    times = max(2, round(5 * bench.scale))
    crowd = bench.crowd("restarts")
    begun = time.monotonic()
    ended = True
    with crowd.at_work(EVERYTHING, threads=6, pause=0.3):
        for _ in range(times):
            for name in ("worker", "media", "dispatcher", "api"):
                time.sleep(2)
                ended = bench.processes.restart(name) and ended
        time.sleep(10)
    calls = crowd.calls.since(begun)
    failed = calls.of(lambda call: call.status >= 500 or call.status == 0)
    for call in failed.all[:10]:
        bench.say(f"       {call}")
    bench.demand(f"{times} restarts of everything, no failed request", not failed.all, str(calls))
    bench.demand("every process ends within a minute of SIGTERM", ended, "they did" if ended else "one did not")
    bench.demand_settled("everything is settled", 60)
    bench.demand_faultless(crowd)


# ── f. Poison ────────────────────────────────────────────────────────────────────────────────────────────────────
def poisoned(bench: Bench) -> None:
    """A task that always raises, one that kills its process; meanwhile everybody else's go on."""
    crowd = bench.crowd("poison", size=12, posts=12)
    known = {poison.raises.name, poison.kills.name}
    DeadLetter.objects.filter(task_name__in=known).delete()
    poison.raises.delay()
    poison.kills.delay()
    begun = time.monotonic()
    with crowd.at_work(EVERYTHING, threads=4, pause=0.4):
        took = audit.seconds_until(
            lambda: DeadLetter.objects.filter(task_name__in=known).count() < len(known), at_most=600
        )
    letters = list(DeadLetter.objects.filter(task_name__in=known))
    shown = f"{len(letters)} of 2" + (f" after {took:.0f} s" if took is not None else "")
    bench.demand("both end as dead letters", took is not None, shown)
    tries = sorted({letter.attempts for letter in letters})
    bench.demand("after five tries", tries == [5], f"tries: {tries}")
    bench.demand_settled("meanwhile and afterwards the queue keeps moving: settled", 60)
    bench.demand_faultless(crowd)
    bench.say(f"  {time.monotonic() - begun:.0f} s, calls: {crowd.calls}")


SCENARIOS: dict[str, Callable[[Bench], None]] = {
    "kills": kills,
    "redis": redis,
    "storage": storage,
    "postgres": postgres,
    "restarts": restarts,
    "poison": poisoned,
}
