"""Tier 1: each gate is provoked where nothing guards it, and held on our path."""

from __future__ import annotations

import pytest

from clawvm.replay.evaluation.tier1 import GATES, gate_rows, tier1_jobs


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize("gate", GATES)
def test_a_gate_is_seen_to_fail_unguarded_and_to_hold_with_us(gate: str, store: str) -> None:
    unguarded, ours = gate_rows(gate, store)
    assert (unguarded["path"], ours["path"]) == ("unguarded", "clawvm")
    assert unguarded["seen"] == unguarded["expected"] != {}
    assert ours["seen"] == {}
    assert unguarded["passed"] and ours["passed"]


def test_there_are_six_gates_on_each_store() -> None:
    assert len(GATES) == 6
    assert len(tier1_jobs()) == 12
