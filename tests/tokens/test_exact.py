"""tiktoken and toktok-rs count alike, on any text, and never from the network unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiktoken.load
import tiktoken_ext.openai_public as tiktoken_encodings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clawvm.errors import TokenizerUnavailable
from clawvm.tokens import TiktokenCounter, ToktokCounter, counter
from clawvm.tokens.exact import BLANKS_MAX, resolve
from clawvm.tokens.vocabularies import FILES, missing

TEXTS = [
    "",
    "hello world",
    "It's they'll I'D",
    "def f(x):\n\treturn x + 1  # \u00e9t\u00e9\n\n\n",
    "<|endoftext|> and <|fim_prefix|>",
    "a\0b\0\0",
    "lone \ud800 and \udfff",
    "pair \ud83d\ude00 or \U0001f600",
    "\u4e2d\u6587 \u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u0627\u0644\u0639",
    "\u0e44\u0e17\u0e22 \ud55c\uad6d\uc5b4",
    "e\u0301\u0301 \u200d \ufeff \u3000",
    "3.14159265358979 0xDEADBEEF 2024-01-01T00:00:00Z",
    " " * 5000 + "\n" * 300 + "\t" * 300 + "x",
    "-" * 3000 + "=" * 3000,
    "camelCaseAndSNAKE_CASE_" * 20,
]
ENCODINGS = ["cl100k_base", "o200k_base", "o200k_harmony"]


@pytest.fixture(params=ENCODINGS)
def pair(request: pytest.FixtureRequest, at_hand: Path) -> tuple[TiktokenCounter, ToktokCounter]:
    return TiktokenCounter(request.param), ToktokCounter(request.param)


def test_both_libraries_count_alike(pair: tuple[TiktokenCounter, ToktokCounter]) -> None:
    slow, fast = pair
    assert [slow.count(text) for text in TEXTS] == [fast.count(text) for text in TEXTS]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(), max_size=200))
def test_both_libraries_count_any_text_alike(
    pair: tuple[TiktokenCounter, ToktokCounter], text: str
) -> None:
    slow, fast = pair
    assert slow.count(text) == fast.count(text)


def test_special_token_text_is_ordinary_text(
    pair: tuple[TiktokenCounter, ToktokCounter],
) -> None:
    assert all(each.count("<|endoftext|>") > 1 for each in pair)


@pytest.mark.parametrize("unit", ["a", " ", "\t", "\n", ".", "0", "\u4e2d", "\0", " a", "\t \n"])
def test_a_megabyte_of_one_thing_counts(
    pair: tuple[TiktokenCounter, ToktokCounter], unit: str
) -> None:
    text = unit * (1_100_000 // len(unit)) + "x"
    slices = len(text) // BLANKS_MAX + 1
    slow, fast = pair
    assert abs(slow.count(text) - fast.count(text)) <= slices


def test_a_vocabulary_in_the_cache_needs_no_network(
    at_hand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiktoken.load, "read_file", pytest.fail)
    ranks = tiktoken_encodings.o200k_base()["mergeable_ranks"]
    assert missing("o200k_base") is None
    assert len(ranks) == 199_998


def test_a_vocabulary_that_is_not_at_hand_is_not_fetched(not_at_hand: Path) -> None:
    with pytest.raises(TokenizerUnavailable) as caught:
        TiktokenCounter("p50k_base")
    message = str(caught.value)
    (name, _) = FILES["p50k_base"][0]
    assert f"'p50k_base' is not at hand ({not_at_hand / name} cannot be read" in message
    for way_out in (
        f"set TIKTOKEN_CACHE_DIR to a folder that holds {name}",
        "counter('p50k_base', download=True)",
        "pass a callable",
        "use 'approximate'",
    ):
        assert way_out in message
    assert "fast-tokens" not in message  # toktok-rs does not have this encoding


def test_the_extra_is_a_way_out_for_the_encodings_that_it_has(not_at_hand: Path) -> None:
    with pytest.raises(TokenizerUnavailable, match=r"pip install 'clawvm\[fast-tokens\]'"):
        TiktokenCounter("o200k_base")


def test_a_file_of_other_content_counts_as_missing_and_stays(not_at_hand: Path) -> None:
    (name, _) = FILES["o200k_base"][0]
    (not_at_hand / name).write_bytes(b"something else")
    with pytest.raises(TokenizerUnavailable, match="is not the file that tiktoken expects"):
        TiktokenCounter("o200k_base")
    assert (not_at_hand / name).read_bytes() == b"something else"


def test_a_cache_that_is_turned_off_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    with pytest.raises(TokenizerUnavailable, match="turns tiktoken's cache off"):
        TiktokenCounter("o200k_base")


def test_an_encoding_of_a_plugin_is_not_loaded_unasked() -> None:
    reason = missing("encoding_of_a_plugin")
    assert reason is not None
    assert "does not know where" in reason


@pytest.mark.parametrize("variable", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"])
def test_the_cache_folder_is_the_one_that_tiktoken_uses(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert str(tmp_path) in (missing("o200k_base") or "")


def test_a_download_that_was_allowed_and_fails_is_a_typed_error(not_at_hand: Path) -> None:
    with pytest.raises(TokenizerUnavailable, match="tiktoken cannot load it: no network"):
        counter("gpt2", download=True)


def test_the_files_are_those_that_tiktoken_asks_for(
    not_at_hand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tiktoken that moves or changes a vocabulary shows here, not as a download at a user's."""
    asked: set[tuple[str, str]] = set()

    def check(data: bytes, sha256: str) -> bool:
        asked.add((data.decode(), sha256))
        return True

    monkeypatch.setattr(tiktoken.load, "check_hash", check)
    for encoding, files in FILES.items():
        for name, _ in files:
            (not_at_hand / name).write_text(name)
        with pytest.raises(ValueError, match=r"pars|Extra data|Expecting"):
            tiktoken_encodings.ENCODING_CONSTRUCTORS[encoding]()
        assert asked == set(files)
        asked.clear()
    assert set(FILES) == set(tiktoken_encodings.ENCODING_CONSTRUCTORS)


def test_a_model_means_its_encoding() -> None:
    assert resolve("gpt-4o") == "o200k_base"
    assert resolve("gpt-4") == "cl100k_base"


def test_an_encoding_that_a_plugin_brings_is_known_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tiktoken.list_encoding_names", lambda: ["encoding_of_a_plugin"])
    assert resolve("encoding_of_a_plugin") == "encoding_of_a_plugin"


def test_an_unknown_name_is_a_typed_error_that_lists_the_known() -> None:
    with pytest.raises(TokenizerUnavailable, match=r"called 'o300k'; use one of cl100k_base"):
        resolve("o300k")


def test_toktok_without_the_encoding_is_a_typed_error() -> None:
    pytest.importorskip("toktok")
    with pytest.raises(TokenizerUnavailable, match="toktok-rs cannot load it"):
        ToktokCounter("p50k_base")
