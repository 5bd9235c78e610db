"""What docs/writeback.md says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clawvm.stores.spool import SPOOL_BYTES_MAX
from clawvm.writeback import Head, ReasonCode, merge, validate
from clawvm.writeback.delivery import BACKOFF_FIRST, BACKOFF_MAX

PAGE = Path(__file__).parents[2] / "docs" / "writeback.md"


@pytest.fixture
def page() -> str:
    if not PAGE.exists():
        pytest.skip("the tests run outside a source tree")
    return PAGE.read_text(encoding="utf-8")


def test_the_first_example_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    example = re.search(r"^ {4}.*\n(?:(?: {4}.*)?\n)+", page, re.MULTILINE)
    assert example is not None
    code = re.sub("^    ", "", example[0], flags=re.MULTILINE)
    names: dict[str, object] = {"source_of": lambda evidence: evidence.partition(":")[0]}
    exec(compile(code, str(PAGE), "exec"), names)
    journal, store = names["journal"], names["store"]
    assert journal.head("plan") == Head(1, "1. read the log")  # type: ignore[attr-defined]
    journal.close()  # type: ignore[attr-defined]
    store.close()  # type: ignore[attr-defined]


def test_every_reason_code_is_explained(page: str) -> None:
    assert set(re.findall(r"\| `([A-Z_]+)` \|", page)) == set(ReasonCode)


def test_the_limits_are_those_of_the_code(page: str) -> None:
    assert f"{merge.TEXT_CHARS_MAX >> 20} Mi characters of text" in page
    assert f"{merge.JSON_CHARS_MAX >> 20} Mi characters of texts" in page
    assert f"{merge.JSON_VALUES_MAX:,} values, {merge.JSON_DEPTH_MAX} levels" in page
    assert f"more than {validate.PAGE_ID_BYTES_MAX} bytes" in page
    assert f"up to {validate.FIELD_CHARS_MAX} ASCII" in page
    assert f"longer than {validate.EVIDENCE_CHARS_MAX:,} characters" in page
    assert f"{SPOOL_BYTES_MAX >> 20} MiB a space" in page
    assert f"{BACKOFF_FIRST:g} s, then {2 * BACKOFF_FIRST:g} s" in page
    assert f"up to {BACKOFF_MAX:g} s" in page
