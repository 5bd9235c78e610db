"""Which repetition is a fault, which an alert, which neither; and what boundaries must leave."""

from __future__ import annotations

import pytest
from chat_histories import openai_asks, openai_call, openai_result, says, user

from clawvm import Fidelity, PageType
from clawvm.residency import apply_levels

pytestmark = pytest.mark.usefixtures("core")


class Keeping:
    """A policy that shows every page in full but those it was told to show otherwise."""

    name = "keeping"

    def __init__(self):
        self.levels = {}

    def decide(self, view):
        levels = {
            slot: self.levels.get(page.id, Fidelity.FULL) for slot, page in view.pages.items()
        }
        return apply_levels(view, levels)


def call(session, number, tool, result, path="a"):
    session.add(openai_asks(openai_call(f"c{number}", tool, f'{{"path": "{path}"}}')))
    session.add(openai_result(f"c{number}", result))
    session.assemble()


@pytest.fixture
def repeated(open_session):
    """``repeated(tool, level, first, second, ...)``: the faults after a call is made twice."""

    def run(tool, level, first="same", second="same", **options):
        policy = Keeping()
        session = open_session(policy=policy, **options)
        session.add(user("go"))
        session.assemble()
        call(session, 1, tool, first)
        policy.levels[f"{tool}:a"] = level
        session.assemble()
        assert session.level(f"{tool}:a") is level
        call(session, 2, tool, second)
        return session

    return run


def happened(session):
    return {name: number for name, number in session.faults.counts.items() if number}


@pytest.mark.parametrize("tool", ["read", "grep", "fetch_page"])
def test_retrieving_again_what_was_not_there_is_a_refetch(repeated, tool):
    session = repeated(tool, Fidelity.NONE)
    assert happened(session) == {"refetch": 1}
    (event,) = session.faults.events
    assert (event.page_id, event.turn) == (f"{tool}:a", 4)
    assert "it was at none when the call was made" in event.reason


@pytest.mark.parametrize("tool", ["bash", "edit", "task", "send_mail"])
def test_doing_again_what_was_not_there_is_a_duplicate_tool_call(repeated, tool):
    assert happened(repeated(tool, Fidelity.NONE)) == {"duplicate-tool": 1}


@pytest.mark.parametrize("told", [True, False])
def test_repeating_what_the_catalogue_tells_how_to_find_is_no_fault(open_session, words, told):
    session = open_session(400)
    if told:
        assert session.tools
    session.add(user("go"))
    for number in range(40):
        call(session, number, "bash", words(f"t{number}", 40), f"file{number}")
    hidden = next(n for n in range(40) if not session.level(f"bash:file{n}"))
    call(session, 40, "bash", words(f"t{hidden}", 40), f"file{hidden}")
    assert happened(session) == ({} if told else {"duplicate-tool": 1})


@pytest.mark.parametrize("tool", ["read", "bash"])
def test_repeating_what_was_there_in_full_is_the_alert_and_a_hit(repeated, tool):
    session = repeated(tool, Fidelity.FULL)
    assert happened(session) == {"duplicate-signature": 1}
    assert session.faults.hits == 1
    assert session.faults.explicit == 0


def test_repeating_what_one_recall_would_have_brought_is_neither(open_session, code):
    policy = Keeping()
    session = open_session(policy=policy)
    session.add(user("go"))
    call(session, 1, "read", code("f"))
    policy.levels["read:a"] = Fidelity.POINTER
    session.assemble()
    call(session, 2, "read", code("f"))
    assert happened(session) == {}


@pytest.mark.parametrize("level", [Fidelity.NONE, Fidelity.FULL])
def test_a_repetition_that_returns_something_new_is_news(repeated, level):
    assert happened(repeated("read", level, second="other")) == {}


def test_what_counts_as_the_same_result_can_be_given(repeated):
    def same(a, b):
        return a.split()[0] == b.split()[0]

    session = repeated("read", Fidelity.NONE, "ok 12:00", "ok 12:01", same_result=same)
    assert happened(session) == {"refetch": 1}


def test_other_arguments_are_another_call(open_session):
    session = open_session(policy=Keeping())
    session.add(user("go"))
    call(session, 1, "read", "same", "a")
    call(session, 2, "read", "same", "b")
    assert happened(session) == {}


def test_arguments_in_another_order_are_the_same_call(open_session):
    session = open_session()
    session.add(user("go"))
    for number, arguments in enumerate(('{"a": 1, "b": 2}', '{"b":2,"a":1}')):
        session.add(openai_asks(openai_call(f"c{number}", "read", arguments)))
        session.add(openai_result(f"c{number}", "same"))
        session.assemble()
    assert happened(session) == {"duplicate-signature": 1}


def test_a_third_call_is_judged_by_the_second(repeated):
    session = repeated("read", Fidelity.NONE, second="other")
    call(session, 3, "read", "other")
    assert happened(session) == {"duplicate-signature": 1}


def test_calls_that_came_in_with_the_same_prompt_are_not_judged(open_session):
    session = open_session()
    session.add(user("go"))
    session.add(openai_asks(openai_call("c1"), openai_call("c2")))
    session.extend([openai_result("c1", "same"), openai_result("c2", "same")])
    session.assemble()
    assert happened(session) == {}


def test_a_call_is_not_judged_by_one_from_before_a_reset(open_session):
    session = open_session()
    session.add(user("go"))
    call(session, 1, "read", "same")
    session.reset()
    session.add(user("go"))
    call(session, 2, "read", "same")
    assert happened(session) == {}


def test_a_repeated_call_takes_most_of_its_worth_from_the_earlier_one(open_session, code):
    session = open_session()
    session.add(user("go"))
    call(session, 1, "read", code("f"))
    before = session.page("read:a").weight
    call(session, 2, "read", code("f"))
    assert session.page("read:a").weight == before * 7 // 100
    assert session.page("read:a#2").weight == before


def test_a_call_that_names_a_file_is_a_use_of_what_came_from_it(open_session):
    from clawvm.residency import last_turn

    session = open_session()
    session.add(user("go"))
    call(session, 1, "read", "one")
    call(session, 2, "bash", "two", "b")
    call(session, 3, "edit", "three", "a")
    slots = {page.id: page.slot for page in session.pages()}
    assert last_turn(session._book.table, slots["read:a"]) == 3
    assert last_turn(session._book.table, slots["bash:b"]) == 2


class Forgetting(Keeping):
    """A policy that loses the rules."""

    def decide(self, view):
        levels = {slot: page.id != "rule" and Fidelity.FULL for slot, page in view.pages.items()}
        return apply_levels(view, {slot: level for slot, level in levels.items() if level})


@pytest.mark.parametrize("boundary", ["compaction", "reset"])
def test_a_rule_that_is_missing_after_a_boundary_is_a_fault(open_session, boundary):
    session = open_session(policy=Forgetting())
    session.put("rule", PageType.BOOTSTRAP, "be brief")
    session.add(user("go"))
    session.assemble()
    assert happened(session) == {"pinned-invariant-miss": 1}
    getattr(session, boundary)()
    session.assemble()
    assert happened(session) == {"pinned-invariant-miss": 1, "post-compaction-bootstrap": 1}
    assert [event.reason for event in session.faults.events] == [
        "at none, its floor is structured",
        f"at none after a {boundary}, its floor is structured",
    ]


@pytest.mark.parametrize("policy", ["clawvm", "paper"])
@pytest.mark.parametrize("boundary", ["compaction", "reset"])
def test_our_policies_keep_the_rules_over_a_boundary(open_session, words, policy, boundary):
    session = open_session(500, policy=policy)
    session.put("rule", PageType.BOOTSTRAP, words("rules", 12))
    session.extend([user("go"), says(words("a", 20)), user("b"), says("c"), user("d")])
    session.assemble()
    getattr(session, boundary)()
    session.assemble()
    assert happened(session) == {}
    assert session.level("rule") >= Fidelity.STRUCTURED


def test_the_thrash_index_of_a_session(repeated):
    session = repeated("read", Fidelity.NONE)
    assert session.faults.thrash_index == 1.0
    session.touch("read:a#2")
    assert session.faults.thrash_index == 0.5
