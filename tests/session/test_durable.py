"""Sessions that outlive their process: committed at boundaries, opened again where they were."""

from __future__ import annotations

import gc
import warnings

import pytest
from chat_histories import says, user
from session_driver import Driver, count

from clawvm import BoundaryKind, Fidelity, PageType, RecallOutcome, Session
from clawvm.errors import LeaseHeld, LeaseLost, OptionUnknown, SessionClosed, StoreFailed
from clawvm.pages import Scope
from clawvm.stores import Space, open_store
from clawvm.writeback import Head

SESSIONS = 12


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'agents.db'}"
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def opened(store):
    """``opened(session_id, budget, **options)``: a session in the store; closed after the test."""
    sessions = []

    def call(session_id="s", budget=2_000, **options):
        options = {"counter": count, "store": store, **options}
        session = Session(session_id, budget=budget, **options)
        sessions.append(session)
        return session

    yield call
    for session in sessions:
        session.close(discard=True)


# Going on


class Restarted(Driver):
    """A driver whose session is given up and opened again at random, as after a crash."""

    def __init__(self, seed, policy, store):
        self.store = store
        super().__init__(seed, policy)
        self.first = self.session.budget
        self.session = self.open(self.first)
        self.restarts = 0

    def open(self, budget):
        policy = "clawvm" if self.clawvm else "paper"
        options = {"counter": count, "shape": self.shape, "policy": policy, "store": self.store}
        return Session("s", budget=budget, **options)

    def assemble(self):
        super().assemble()
        self.session.boundary("turn")
        # A seed of its own, so that the moves stay those of an undisturbed driver.
        if hash((len(self.log), self.first)) % 3 == 0:
            budget = self.session.budget
            self.session.release()
            self.session = self.open(budget)
            self.disturbed = True
            self.restarts += 1


@pytest.mark.parametrize("policy", ["clawvm", "paper"])
def test_a_session_that_is_opened_again_decides_as_if_it_had_never_stopped(tmp_path, policy):
    restarts = 0
    for seed in range(SESSIONS):
        expected = Driver(seed, policy).run()
        store = open_store(f"sqlite:///{tmp_path / f'{seed}.db'}")
        driver = Restarted(seed, policy, store)
        assert driver.run() == expected, f"seed {seed}"
        driver.session.close()
        store.close()
        restarts += driver.restarts
    assert restarts > SESSIONS * 2


def test_what_was_committed_is_there_again(opened):
    session = opened()
    session.put("rules", PageType.BOOTSTRAP, "Be brief.")
    session.add(user("begin"))
    prompt = session.assemble()
    session.boundary("turn")
    session.release()
    again = opened()
    assert again.turn == 1
    assert again.plan == prompt.plan
    assert again.assemble().messages == prompt.messages


def test_messages_that_wait_are_saved_too(opened):
    session = opened()
    session.add(user("begin"))
    session.boundary("turn")
    session.release()
    assert opened().assemble().messages == [user("begin")]


def test_notes_of_the_harness_are_saved_with_the_session(opened):
    session = opened()
    session.notes["fed"] = 3
    session.boundary("turn")
    session.notes["fed"] = 4
    session.release()
    assert opened().notes == {"fed": 3}


def test_what_was_not_committed_is_wholly_absent(opened):
    session = opened()
    session.put("plan", PageType.PLAN, "step one")
    session.boundary("turn")
    session.put("plan", PageType.PLAN, "step two")
    session.put("more", PageType.EVIDENCE, "text")
    session.release()
    again = opened()
    assert [(page.id, page.version, page.texts) for page in again.pages()] == [
        ("plan", 1, ("step one",))
    ]


def test_closing_commits(opened):
    with opened() as session:
        session.put("plan", PageType.PLAN, "step one")
    assert opened().page("plan").texts == ("step one",)


def test_an_old_version_is_found_in_the_store(opened):
    session = opened()
    for step in ("one", "two", "three"):
        session.put("plan", PageType.PLAN, f"step {step}")
        session.boundary("turn")
    session.close()
    found = opened().recall("clawvm://s/plan@2")
    assert (found.outcome, found.text) == (RecallOutcome.FOUND, "step two")


def test_a_long_session_is_folded_into_a_snapshot(opened, store):
    session = opened(budget=4_000)
    for number in range(60):
        session.add(user(f"question {number} " * 100))
        session.assemble()
        session.post_model(says(f"answer {number} " * 100))
        session.boundary("turn")
    pages = [page.id for page in session.pages()]
    session.close()
    stored = store.load(Space("default", Scope.SESSION, "s"))
    assert stored.snapshot is not None
    assert len(stored.rows) < stored.last_seq
    assert [page.id for page in opened(budget=4_000).pages()] == pages


def test_what_a_snapshot_says_is_committed_stays_so_while_its_pages_change(opened):
    session = opened()
    session.put("note", PageType.EVIDENCE, "the first text")
    session.put("rule", PageType.CONSTRAINT, "answer in English")
    session.boundary("turn")
    session._durable.fold()
    session.close()
    again = opened()
    journal = again._durable.journal
    again.put("note", PageType.EVIDENCE, "the second text")
    assert again.page("note").version == 2
    assert journal.head("note") == Head(1, "the first text")
    assert journal.page_type("rule") is PageType.CONSTRAINT
    assert {page_id for page_id, _ in journal.fields()} == {"note", "rule"}
    again.boundary("turn")
    assert journal.head("note") == Head(2, "the second text")


def test_a_session_saved_with_another_counter_is_refused(opened):
    opened().close()
    with pytest.raises(OptionUnknown, match="tokens counted by"):
        opened(counter="approximate")
    opened().close()


def test_a_tenant_has_sessions_of_its_own(opened):
    one = opened(tenant="one")
    one.put("plan", PageType.PLAN, "of one")
    one.boundary("turn")
    two = opened(tenant="two")
    assert two.pages() == []


@pytest.mark.parametrize("durability", ["group", "deferred"])
def test_a_commit_can_be_waited_for(opened, durability):
    session = opened(durability=durability)
    session.put("plan", PageType.PLAN, "step one")
    assert session.boundary("turn").outcome in ("pending", "committed")
    session.wait(10)
    session.release()
    assert opened().page("plan").version == 1


def test_an_unknown_durability_is_refused(opened):
    with pytest.raises(OptionUnknown, match="durability is one of 'commit', 'group', 'deferred'"):
        opened(durability="soon")


# Boundaries


def test_a_boundary_tells_what_it_did(opened):
    session = opened()
    session.put("plan", PageType.PLAN, "step one")
    report = session.boundary("turn")
    assert (report.kind, report.outcome) == (BoundaryKind.TURN, "committed")
    assert (report.operations, report.rejected) == (1, 0)
    assert session.boundary("turn").outcome == "nothing"


def test_without_a_store_a_boundary_says_so(open_session):
    assert open_session().boundary("idle").outcome == "memory"


def test_an_unknown_boundary_is_refused(opened):
    with pytest.raises(OptionUnknown, match="a boundary is one of 'turn', 'prune'"):
        opened().boundary("coffee")


@pytest.mark.parametrize("kind", ["reset", "new", "clear"])
def test_what_ends_a_conversation_commits_before_it_archives(opened, kind):
    session = opened()
    session.put("rules", PageType.BOOTSTRAP, "Be brief.")
    session.put("found", PageType.EVIDENCE, "the figure is 7")
    assert session.boundary(kind).operations == 2
    session.release()
    again = opened()
    assert [page.id for page in again.pages()] == ["rules"]
    assert again.recall("found").text == "the figure is 7"


def test_a_compaction_holds_after_a_crash(opened):
    session = opened(budget=1_000)
    for number in range(4):
        session.extend([user(f"question {number} " * 65), says(f"answer {number}")])
    assert session.assemble().tokens > 700
    session.compaction()
    session.release()
    prompt = opened(budget=1_000).assemble()
    assert prompt.plan.epoch
    assert prompt.tokens <= 700


def test_the_coverage_tells_what_never_fired(opened):
    session = opened()
    session.boundary("turn")
    session.compaction()
    session.close()
    coverage = opened().coverage
    assert coverage.counts[BoundaryKind.TURN] == 1
    assert coverage.counts[BoundaryKind.END] == 1
    assert BoundaryKind.RECOVERY in coverage.never
    assert coverage.outcomes == {"committed": 2}  # the last one is not in what it saved
    lines = str(coverage).splitlines()
    assert "reset         never; fired by reset()" in lines
    assert lines[-1] == "commits       2 committed"


def test_opening_a_session_that_was_not_closed_is_a_recovery(opened):
    session = opened()
    session.boundary("turn")
    session.release()
    assert opened().coverage.counts[BoundaryKind.RECOVERY] == 1


def test_pages_are_committed_before_they_give_way(opened):
    session = opened(budget=300)
    for number in range(12):
        session.add(user(f"question {number} " * 20))
        session.assemble()
        for page in session.pages():
            if session.level(page.id) < Fidelity.FULL:
                assert session.journal.head(page.id).version == page.version
    assert session.coverage.counts[BoundaryKind.PRUNE] > 0
    assert BoundaryKind.TURN in session.coverage.never


def test_a_session_without_a_store_has_no_journal(open_session):
    with pytest.raises(SessionClosed, match="has no store and cannot"):
        open_session().rejected()


# Losing


class Failing:
    """A store whose appends fail while `down` is set; everything else is the real store's."""

    def __init__(self, store):
        self._store = store
        self.down = False

    def __getattr__(self, name):
        return getattr(self._store, name)

    def append(self, row, durability):
        if self.down:
            raise StoreFailed("the disk is full")
        return self._store.append(row, durability)


def test_a_reset_that_cannot_be_committed_destroys_nothing(opened, store):
    failing = Failing(store)
    session = opened(store=failing, spool=None) if not store.durable else None
    if session is None:
        pytest.skip("a durable store has a spool")
    session.put("found", PageType.EVIDENCE, "the figure is 7")
    failing.down = True
    with pytest.raises(StoreFailed):
        session.reset()
    assert [page.id for page in session.pages()] == ["found"]
    failing.down = False
    session.reset()
    assert session.recall("found").text == "the figure is 7"


def test_a_compaction_that_cannot_be_committed_is_none(store):
    if store.durable:
        pytest.skip("a durable store has a spool")
    failing = Failing(store)
    with Session("s", budget=1_000, counter=count, store=failing) as session:
        session.add(user("question " * 300))
        session.assemble()
        failing.down = True
        with pytest.raises(StoreFailed):
            session.compaction()
        assert not session.assemble().plan.epoch
        failing.down = False


def test_what_is_discarded_counts_as_a_flush_miss(opened):
    session = opened()
    session.put("plan", PageType.PLAN, "step one")
    session.put("more", PageType.PLAN, "step two")
    session.close(discard=True)
    assert session.faults.counts["flush-miss"] == 2
    assert {event.page_id for event in session.faults.events} == {"plan", "more"}


def test_a_session_that_was_taken_over_counts_what_it_lost(opened, store):
    session = opened()
    session.put("plan", PageType.PLAN, "step one")
    store.release(session._durable._lease)
    other = opened()
    with pytest.raises(LeaseLost):
        session.boundary("turn")
    assert session.faults.counts["flush-miss"] == 1
    other.put("plan", PageType.PLAN, "of the other")
    assert other.boundary("turn").outcome == "committed"


def test_a_session_can_be_held_only_once(opened):
    session = opened()
    with pytest.raises(LeaseHeld, match="session 's' of tenant 'default' is held by"):
        opened()
    session.close()
    opened()


def forget(sessions):
    sessions.clear()
    gc.collect()


def test_a_session_that_is_forgotten_warns_and_gives_its_lease_back(store):
    forgotten = [Session("s", budget=100, counter=count, store=store)]
    with pytest.warns(ResourceWarning, match="session 's' was not closed"):
        forget(forgotten)
    Session("s", budget=100, counter=count, store=store).close()


def test_a_session_that_was_closed_does_not_warn(store):
    session = Session("s", budget=100, counter=count, store=store)
    session.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del session
        gc.collect()
