"""The table of policies and ablations, and what each ablation takes away."""

from __future__ import annotations

import pytest
from paging_cases import STRUCTURED, call, faults, run, script_with

from clawvm.errors import PolicyUnknown
from clawvm.pages import PageType
from clawvm.replay.paging import (
    ABLATIONS,
    CONTENDERS,
    PAPER_POLICIES,
    PagingResult,
    contender,
    simulate,
)
from clawvm.replay.workloads import ABSTRACT, family_workload
from clawvm.replay.workloads.script import Script
from clawvm.session import BoundaryKind


def evicted_and_needed_again() -> Script:
    """A log gives way to three others before a call wants it again; a rule changes; a reset."""
    script = script_with("log", "one", "three", "two", rules=1)
    script.turn([call("log")], puts=["log", "rule-0"])
    for name in ("one", "two", "three"):
        script.turn([call(name)], puts=[name])
    script.turn([call("log")])
    script.turn([call("log")], puts=["log"], boundary=BoundaryKind.COMPACTION)
    script.turn(puts=["rule-0"])
    script.turn(boundary=BoundaryKind.RESET)
    return script


def family(policy: str, budget: int = 180) -> PagingResult:
    return simulate(family_workload("plan_heavy", ABSTRACT), contender(policy), budget)


def test_every_name_is_there_once_and_the_groups_are_told_apart() -> None:
    groups = {name: found.group for name, found in CONTENDERS.items()}
    assert [name for name, group in groups.items() if group == "paper"] == list(PAPER_POLICIES)
    assert [name for name, group in groups.items() if group == "ablation"] == list(ABLATIONS)
    assert [name for name, group in groups.items() if group == "ours"] == ["clawvm"]
    assert {"sliding-window", "tool-clearing", "lru", "full"} <= groups.keys()


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(PolicyUnknown, match="no policy is called 'clawvn'; there are retr"):
        contender("clawvn")


def test_with_all_of_them_nothing_goes_wrong() -> None:
    result = run(evicted_and_needed_again(), "clawvm", 44)
    assert (faults(result), result.recalls) == ({}, 1)


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ("no-pointer-resolution", "duplicate-tool"),
        ("no-demand-paging", "duplicate-tool"),
        ("no-writeback-at-reset", "flush-miss"),
        ("no-writeback", "flush-miss"),
    ],
)
def test_each_of_these_mechanisms_keeps_a_fault_away(policy: str, fault: str) -> None:
    assert run(evicted_and_needed_again(), policy, 44).faults[fault] > 0


def test_without_pins_rules_compete_and_lose() -> None:
    result = family("no-pins", 120)
    assert result.faults["pinned-invariant-miss"] + result.faults["post-compaction-bootstrap"] > 0


def test_writeback_at_eviction_leaves_less_for_the_compaction() -> None:
    script = script_with("log", "one", "two")
    for name in ("log", "one", "two"):
        script.turn([call(name)], puts=[name])
    script.turn(boundary=BoundaryKind.COMPACTION)
    # One or two pages give way, and with them all that was dirty is committed.
    late = run(script, "no-writeback-at-compaction", 44).faults["flush-miss"]
    assert late < run(script, "no-writeback", 44).faults["flush-miss"] == 3


def test_without_a_catalogue_recalls_are_blind() -> None:
    with_it, without = family("clawvm", 120), family("no-catalogue", 120)
    assert with_it.blind_recalls < without.blind_recalls


def test_without_cheaper_forms_a_page_is_whole_or_at_its_floor() -> None:
    script = Script()
    script.page("log", PageType.EVIDENCE, (2, 5, 10, 20))
    script.turn([call("log")], puts=["log"])
    script.turn([call("log", STRUCTURED)])

    # Five tokens would do for the second turn, and it takes twenty.
    assert run(script, "retrieval_only", 30).used_tokens == 25
    assert run(script, "no-cheaper-forms", 30).used_tokens == 40


def test_without_epochs_pages_move_at_every_turn() -> None:
    assert family("no-epochs").epochs > family("no-low-water").epochs > family("clawvm").epochs


def test_an_exact_plan_is_worth_no_less_than_one_without_repair() -> None:
    exact, greedy = family("exact"), family("no-repair")
    assert sum(value for value, _ in exact.selections) > 0
    assert greedy.explicit == exact.explicit == 0


def test_without_decay_old_pages_are_worth_as_much_as_new_ones() -> None:
    assert contender("no-decay").mechanisms.half_life > 10**9
    assert family("no-decay").moved_pages != family("clawvm").moved_pages
