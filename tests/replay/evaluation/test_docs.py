"""docs/evaluation.md quotes what an evaluation of the recorded sessions finds, byte for byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.evaluation import DOCUMENT, filled
from clawvm.replay.evaluation import evaluate, jobs_of
from clawvm.replay.evaluation.evaluate import SYNTHETIC
from clawvm.tokens import best_counter

TRACES = Path(os.environ.get("CLAWVM_TRACES", Path(__file__).parents[4] / "shared" / "traces"))
needs_traces = pytest.mark.skipif(
    not TRACES.is_dir(), reason=f"no recorded sessions in {TRACES} (set CLAWVM_TRACES)"
)


@pytest.mark.slow
@needs_traces
@pytest.mark.skipif(
    best_counter().name != "o200k_base", reason="the page counts in o200k_base, which is not here"
)
def test_the_page_quotes_what_is_measured(tmp_path: Path) -> None:
    evaluate(jobs_of([*SYNTHETIC, "real"], [TRACES], tokens="o200k_base"), tmp_path)
    document = DOCUMENT.read_text(encoding="utf-8")
    assert filled(document, tmp_path) == document


def test_a_marked_table_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "one.md").write_text("new\n", encoding="utf-8")
    document = "above\n\n<!-- one -->\n\nold\n\n<!-- end -->\n\nbelow\n"
    assert filled(document, tmp_path) == ("above\n\n<!-- one -->\n\nnew\n\n<!-- end -->\n\nbelow\n")
