"""The sweeps: their rows, their order, and the shape of the paper's tables."""

from __future__ import annotations

import pytest

from clawvm.errors import OptionUnknown, PolicyUnknown
from clawvm.replay.paging.tables import (
    Row,
    ablations,
    adversarial,
    table_4,
    table_6,
    table_8,
    table_9,
    tasks,
    tier2,
)

PAPERS = ("retrieval_only", "retrieval_only_cached", "compaction_hybrid", "paper_clawvm")


def by_policy(table: list[Row]) -> dict[str, Row]:
    return {str(row["policy"]): row for row in table}


@pytest.fixture(scope="module")
def sweep() -> list[Row]:
    return tier2(policies=(*PAPERS, "oracle_h3", "paper_lru", "clawvm"))


def test_a_sweep_has_a_row_for_each_budget_family_and_policy(sweep: list[Row]) -> None:
    keys = [(row["sweep_budget_tokens"], row["family"], row["policy"]) for row in sweep]
    assert len(set(keys)) == len(keys) == 6 * 4 * 7
    assert keys[0] == (120, "evidence_heavy", "retrieval_only")
    assert keys[-1] == (500, "constraint_heavy", "clawvm")


def test_table_4_has_the_papers_order(sweep: list[Row]) -> None:
    table = by_policy(table_4(sweep))
    faults = [int(table[name]["faults_tenths"]) for name in PAPERS]
    thrash = [int(table[name]["thrash_milli"]) for name in PAPERS]
    assert faults == sorted(faults, reverse=True)
    assert thrash == sorted(thrash, reverse=True)
    assert faults[-1] == table["clawvm"]["faults_tenths"] == 0
    assert (table["retrieval_only"]["paper_faults_tenths"], faults[0] > 500) == (678, True)


def test_the_hybrid_loses_rules_under_the_two_smallest_budgets_only(sweep: list[Row]) -> None:
    lost = {
        row["budget_tokens"]
        for row in sweep
        if row["policy"] == "compaction_hybrid" and row["post_compaction_bootstrap"]
    }
    assert lost == {120, 180}


def test_lookahead_and_lru_change_no_fault(sweep: list[Row]) -> None:
    table = by_policy(table_4(sweep))
    assert table["oracle_h3"]["faults_tenths"] == table["paper_lru"]["faults_tenths"] == 0


def test_no_policy_that_keeps_to_its_budget_has_fewer_misses_than_the_bound(
    sweep: list[Row],
) -> None:
    assert any(int(row["least_misses"]) for row in sweep)
    for row in [*sweep, *adversarial(("compaction_hybrid", "oracle_h3", "lru", "clawvm"))]:
        assert int(row["misses"]) >= int(row["least_misses"])


def test_all_policies_have_the_same_budget_unless_the_papers_is_asked_for() -> None:
    same = tier2([200], policies=PAPERS)
    assert {row["budget_tokens"] for row in same} == {200}
    scaled = tier2([200], policies=PAPERS, published_budgets=True)
    given = {(row["family"], row["policy"]): row["budget_tokens"] for row in scaled}
    assert given["multi_session", "retrieval_only (78% on multi_session)"] == 156
    assert given["multi_session", "compaction_hybrid (85% on multi_session)"] == 170
    assert given["plan_heavy", "compaction_hybrid (85% on multi_session)"] == 200
    assert given["multi_session", "paper_clawvm"] == 200


def test_published_figures_stand_beside_the_papers_sizes_only() -> None:
    (abstract,) = table_4(tier2([120], ["plan_heavy"], ["retrieval_only"]))
    (real,) = table_4(tier2([8_000], ["plan_heavy"], ["retrieval_only"], scale="real"))
    assert (abstract["paper_thrash_milli"], real["paper_thrash_milli"]) == (3993, -1)


def test_table_6_names_the_fault_of_each_mechanism() -> None:
    table = by_policy(table_6(ablations()))
    assert int(table["paper_clawvm"]["total"]) == int(table["clawvm"]["total"]) == 0
    for prefix in ("paper-", ""):
        assert int(table[f"{prefix}no-pointer-resolution"]["dup_refetch"]) > 0
        assert int(table[f"{prefix}no-writeback-at-compaction"]["flush"]) > 0
        assert int(table[f"{prefix}no-writeback-at-reset"]["flush"]) > 0
        assert int(table[f"{prefix}no-pins"]["bootstrap"]) > 0
    for name in ("paper-no-scoring", "paper-no-prefetch", "no-repair", "no-epochs", "exact"):
        assert int(table[name]["total"]) == 0


def test_table_8_has_the_papers_gap_at_180_and_none_at_300() -> None:
    table = {
        (row["budget_tokens"], row["policy"]): row
        for row in table_8(tasks(policies=("compaction_hybrid", "clawvm")))
    }
    assert {row["tasks"] for row in table.values()} == {30}
    assert table[180, "clawvm"]["done"] == table[300, "clawvm"]["done"] == 30
    assert int(table[180, "compaction_hybrid"]["done"]) < 30
    assert int(table[180, "compaction_hybrid"]["bootstrap"]) > 0
    assert table[300, "compaction_hybrid"]["done"] == 30
    assert table[300, "compaction_hybrid"]["compactions"] == 0


def test_the_tasks_that_the_hybrid_fails_are_debugging_tasks() -> None:
    rows = tasks([180], policies=("compaction_hybrid",))
    assert {row["family"] for row in rows if not row["done"]} == {"task_debugging"}


def test_table_9_ends_with_the_hunt_and_has_the_papers_figures() -> None:
    rows = table_9(adversarial(("paper_clawvm", "clawvm")))
    assert [row["adversary"] for row in rows[-2:]] == ["hunt", "hunt"]
    assert [row["controllable_faults"] for row in rows] == [0] * len(rows)
    assert (rows[0]["adversary"], rows[0]["faults"], rows[0]["paper_faults"]) == (
        "starvation",
        10,
        10,
    )


def test_what_does_not_exist_is_refused_before_anything_runs() -> None:
    with pytest.raises(OptionUnknown, match="a scale is 'abstract' or 'real'"):
        tier2(scale="huge")
    with pytest.raises(OptionUnknown, match="a family is one of evidence_heavy"):
        tier2(families=["evidence"])
    with pytest.raises(PolicyUnknown, match="no policy is called 'mru'"):
        tier2(policies=["mru"])
