"""The paper's greedy with its features: what each of the six keeps, worked out by hand."""

from __future__ import annotations

import pytest
from paging_cases import STRUCTURED, built, call, script_with

from clawvm.pages import Fidelity, PageType, Pin
from clawvm.replay.paging import PAPER_POLICIES, contender
from clawvm.replay.paging.ledger import Ledger
from clawvm.replay.paging.published import lru_score, recency_score
from clawvm.replay.paging.simulator import Run
from clawvm.replay.workloads import Turn
from clawvm.replay.workloads.script import Script


def shown(script: Script, policy: str, budget: int) -> dict[str, Fidelity]:
    """The levels in the last prompt, pages that are not shown left out."""
    workload = built(script)
    with Ledger() as ledger:
        run = Run(workload, contender(policy), budget, ledger)
        for step in workload.turns:
            run.step(step)
        return {name: Fidelity(level) for name, level in sorted(run.shown.items()) if level}


def two_logs_and_a_rule() -> Script:
    script = script_with("log", "note", rules=1)
    script.turn(puts=["log", "note", "rule-0"])
    script.turn([call("note", STRUCTURED)])
    return script


@pytest.mark.parametrize(
    ("policy", "levels"),
    [
        # The demand at its level, and nothing else.
        ("retrieval_only", {"note": "STRUCTURED"}),
        ("retrieval_only_cached", {"note": "STRUCTURED"}),
        # The demand at 5, pointers at 2 and 2; of the 15 that are left, by base utility, 0.1 for
        # recompute and no recency yet: 5.8 over 3 for the log's structured form, 7 over 4 for the
        # rule's, 5.8 over 5 for the note's compressed form and no room for the log's.
        ("compaction_hybrid", {"log": "STRUCTURED", "note": "COMPRESSED", "rule-0": "STRUCTURED"}),
        # The rule at its floor 6 first; 5 + 0.6 + 3.2 over 3 for the log, then over 5 for each
        # of the two, the later name first.
        ("paper_clawvm", {"log": "STRUCTURED", "note": "COMPRESSED", "rule-0": "STRUCTURED"}),
        ("oracle_h3", {"log": "STRUCTURED", "note": "COMPRESSED", "rule-0": "STRUCTURED"}),
        # Nobody has any recency, so that all scores are 0; names decide, from the last.
        ("paper_lru", {"log": "STRUCTURED", "note": "COMPRESSED", "rule-0": "STRUCTURED"}),
    ],
)
def test_what_each_of_the_six_keeps_under_twenty_two_tokens(
    policy: str, levels: dict[str, str]
) -> None:
    found = shown(two_logs_and_a_rule(), policy, 22)
    assert {name: level.name for name, level in found.items()} == levels


def test_a_required_page_that_does_not_fit_goes_unmet_and_the_prompt_is_built() -> None:
    script = script_with(rules=3)
    script.turn(puts=["rule-0", "rule-1", "rule-2"])

    # Two at 6, and of the third nothing: no cheaper form is tried.
    assert len(shown(script, "paper_clawvm", 13)) == 2


def test_recency_is_that_of_demands_and_decays() -> None:
    script = script_with("log", "note")
    script.turn([call("log")], puts=["log", "note"])
    script.turn()
    # Both pointers at 2; 18 more for the log, which was demanded, and not for the note.
    assert shown(script, "paper_lru", 22) == {"log": Fidelity.FULL, "note": Fidelity.POINTER}


def test_the_lookahead_prefers_what_is_demanded_next() -> None:
    script = script_with("aim", "zoo")
    script.turn(puts=["aim", "zoo"])
    script.turn()
    workload = built(script)
    steps = [*workload.turns, Turn(demands=(call("aim"),))]

    def after_two(policy: str) -> dict[str, int]:
        coming = type(workload)("case", "test", 0, workload.pages, tuple(steps))
        with Ledger() as ledger:
            run = Run(coming, contender(policy), 17, ledger)
            for step in steps[:2]:
                run.step(step)
            return dict(run.shown)

    assert after_two("paper_clawvm")["zoo"] > after_two("paper_clawvm")["aim"]
    assert after_two("oracle_h3")["aim"] > after_two("oracle_h3")["zoo"]


def test_the_scores_have_the_published_weights() -> None:
    script = Script()
    script.page("log", PageType.EVIDENCE, (2, 5, 10, 20), recompute=8, pin=Pin.SOFT)
    script.turn(puts=["log"])
    workload = built(script)
    with Ledger() as ledger:
        run = Run(workload, contender("paper_clawvm"), 100, ledger)
        run.step(workload.turns[0])
        page = run.live["log"]

    assert recency_score(page, 5.0, 2.0) == pytest.approx(5 + 0.9 * 2 + 0.1 * 8)
    assert lru_score(page, 5.0, 2.0) == 2.0


def test_the_six_have_the_switches_of_the_papers_table() -> None:
    switches = {
        name: (
            found.mechanisms.pins,
            found.mechanisms.at_compaction,
            found.mechanisms.at_reset,
            found.mechanisms.resolution,
            found.multisession_percent,
        )
        for name in PAPER_POLICIES
        for found in (contender(name),)
    }
    assert switches == {
        "retrieval_only": (False, False, False, False, 78),
        "retrieval_only_cached": (False, False, False, True, 78),
        "compaction_hybrid": (False, True, False, True, 85),
        "paper_lru": (True, True, True, True, 100),
        "paper_clawvm": (True, True, True, True, 100),
        "oracle_h3": (True, True, True, True, 100),
    }
