"""Which stretches of what a model wrote count as spans, and which of those are measured."""

from collections.abc import Sequence

import pytest

from clawvm.replay.blocks import Block
from clawvm.replay.spans import (
    BOILERPLATE_PAGES,
    core_spans,
    find_spans,
    measured_spans,
    non_tail_spans,
)

SENTENCE = "The heating in the study stays below nineteen degrees at night."
OTHER = "Boxes for the charity shop go into the hall before Thursday noon."


def read(
    index: int, request: int, text: str, *, kind: str = "result", fixed: bool = False
) -> Block:
    return Block(index, request, "in", kind, text, fixed=fixed)


def wrote(index: int, request: int, *leaves: str, paths: Sequence[bool] = ()) -> Block:
    text = "note\n" + "".join(f"{leaf}\n" for leaf in leaves)
    return Block(
        index,
        request,
        "out",
        "call",
        text,
        leaves=leaves,
        path_leaves=tuple(paths) or (False,) * len(leaves),
    )


def texts(blocks: Sequence[Block]) -> list[str]:
    return [span.text for span in find_spans(blocks)]


def test_a_quotation_names_every_block_that_holds_it_oldest_first() -> None:
    blocks = [
        read(0, 0, f"one {SENTENCE} more"),
        wrote(1, 0, "Nothing to quote yet."),
        read(2, 1, f"again, {SENTENCE}"),
        wrote(3, 1, f"I read: {SENTENCE}"),
    ]
    (span,) = find_spans(blocks)
    assert (span.request, span.block, span.leaf) == (1, 3, 0)
    assert (span.first_source, span.newest_source) == (0, 2)
    assert span.text == f" {SENTENCE}"
    assert span.start == len("I read:")
    assert span.age_characters == 0


def test_age_counts_the_characters_of_history_behind_the_newest_copy() -> None:
    blocks = [
        read(0, 0, SENTENCE + "1234567"),
        wrote(1, 0, "short"),
        read(2, 1, "x" * 100),
        wrote(3, 1, SENTENCE),
    ]
    (span,) = find_spans(blocks)
    assert span.age_characters == len("1234567") + len(blocks[1].text) + 100


def test_the_longest_match_wins_over_an_older_shorter_one() -> None:
    blocks = [read(0, 0, SENTENCE[:50]), read(1, 0, SENTENCE), wrote(2, 0, SENTENCE)]
    (span,) = find_spans(blocks)
    assert span.text == SENTENCE
    assert span.sources == (1,)


def test_spans_do_not_overlap_and_the_search_goes_on_behind_each() -> None:
    blocks = [read(0, 0, SENTENCE), read(1, 0, OTHER), wrote(2, 0, SENTENCE + OTHER)]
    assert texts(blocks) == [SENTENCE, OTHER]


def test_a_match_does_not_cross_from_one_page_into_the_next() -> None:
    blocks = [read(0, 0, SENTENCE[:30]), read(1, 0, SENTENCE[30:]), wrote(2, 0, SENTENCE)]
    assert texts(blocks) == []


def test_what_the_same_request_wrote_is_no_source() -> None:
    blocks = [read(0, 0, "go"), wrote(1, 0, SENTENCE), wrote(2, 0, SENTENCE)]
    assert texts(blocks) == []


def test_what_an_earlier_request_wrote_is_a_source() -> None:
    blocks = [read(0, 0, "go"), wrote(1, 0, SENTENCE), read(2, 1, "ok"), wrote(3, 1, SENTENCE)]
    (span,) = find_spans(blocks)
    assert span.sources == (1,)


def test_each_leaf_is_factorised_apart() -> None:
    blocks = [read(0, 0, SENTENCE), wrote(1, 0, SENTENCE[:35], SENTENCE[35:], SENTENCE)]
    assert [(span.leaf, span.text) for span in find_spans(blocks)] == [(2, SENTENCE)]


def test_a_match_of_39_characters_is_no_span_and_one_of_40_is() -> None:
    assert texts([read(0, 0, SENTENCE[:39]), wrote(1, 0, SENTENCE)]) == []
    assert texts([read(0, 0, SENTENCE[:40]), wrote(1, 0, SENTENCE)]) == [SENTENCE[:40]]


def test_a_match_starts_only_where_six_characters_differ() -> None:
    rule = "-=" * 30
    assert texts([read(0, 0, rule), wrote(1, 0, rule)]) == []
    # The first gram with six different characters is the one that takes in "- The".
    found = texts([read(0, 0, rule + SENTENCE), wrote(1, 0, rule + SENTENCE)])
    assert found == [(rule + SENTENCE)[len(rule) + 4 - 40 :]]


def test_a_match_of_mostly_blanks_or_marks_is_found_but_not_kept() -> None:
    blank = " " * 30 + "return value" + " " * 30
    assert texts([read(0, 0, blank), wrote(1, 0, blank)]) == []
    marks = "a+(b)-[c]*{d}/<e>,;:!?a+(b)-[c]*{d}/<e>,;:!?"
    assert texts([read(0, 0, marks), wrote(1, 0, marks)]) == []


def test_blocks_may_come_in_any_order() -> None:
    blocks = [
        read(0, 0, SENTENCE),
        wrote(1, 0, "hm"),
        read(2, 1, OTHER),
        wrote(3, 1, OTHER + SENTENCE),
    ]
    assert find_spans(blocks[::-1]) == find_spans(blocks)


@pytest.mark.parametrize("text", ["\x00", "\ud800", "\U0001f63a"])
def test_odd_characters_are_characters_like_any_other(text: str) -> None:
    quoted = SENTENCE[:30] + text + SENTENCE[30:]
    assert texts([read(0, 0, quoted), wrote(1, 0, quoted)]) == [quoted]


def test_a_session_without_text_has_no_spans() -> None:
    assert find_spans([]) == []
    assert find_spans([read(0, 0, ""), wrote(1, 0, "")]) == []
    assert find_spans([wrote(0, 0, SENTENCE)]) == []


def test_a_length_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 character, found length=0"):
        find_spans([], 0)


def test_boilerplate_in_more_than_twelve_pages_is_not_core() -> None:
    copies = [read(i, 0, SENTENCE) for i in range(BOILERPLATE_PAGES + 1)]
    quote = wrote(BOILERPLATE_PAGES + 1, 0, SENTENCE)
    assert core_spans(find_spans([*copies, quote])) == []
    assert len(core_spans(find_spans([*copies[1:], quote]))) == 1


def test_paths_are_not_core() -> None:
    path = "src/house/automation/heating/night_schedule.py"
    blocks = [read(0, 0, path), wrote(1, 0, path)]
    assert texts(blocks) == [path]
    assert core_spans(find_spans(blocks)) == []


def test_a_sentence_that_names_a_path_is_core() -> None:
    text = "The night schedule is written down in house/heating.md, see there."
    assert len(core_spans(find_spans([read(0, 0, text), wrote(1, 0, text)]))) == 1


def test_the_value_of_a_path_argument_is_not_core() -> None:
    blocks = [read(0, 0, SENTENCE), wrote(1, 0, SENTENCE, paths=(True,))]
    assert core_spans(find_spans(blocks)) == []


def test_a_patch_header_is_core_only_with_enough_text_beside_it() -> None:
    header = "*** Update File: house rules for heating.md\n@@ the rules for the night\n"
    assert core_spans(find_spans([read(0, 0, header), wrote(1, 0, header)])) == []
    longer = header + SENTENCE
    assert len(core_spans(find_spans([read(0, 0, longer), wrote(1, 0, longer)]))) == 1


def test_an_equal_text_counts_once_in_a_request_and_again_in_the_next() -> None:
    blocks = [
        read(0, 0, SENTENCE),
        wrote(1, 0, SENTENCE, SENTENCE),
        read(2, 1, "ok"),
        wrote(3, 1, SENTENCE),
    ]
    assert [span.request for span in core_spans(find_spans(blocks))] == [0, 1]


def test_a_span_whose_newest_copy_just_arrived_is_in_the_tail() -> None:
    blocks = [read(0, 0, SENTENCE), wrote(1, 0, "a"), read(2, 1, SENTENCE), wrote(3, 1, SENTENCE)]
    assert non_tail_spans(find_spans(blocks), blocks) == []


def test_a_span_that_the_last_request_wrote_is_in_the_tail() -> None:
    blocks = [read(0, 0, "a"), wrote(1, 0, SENTENCE), read(2, 1, "b"), wrote(3, 1, SENTENCE)]
    assert non_tail_spans(find_spans(blocks), blocks) == []


def test_an_older_copy_is_not_in_the_tail() -> None:
    blocks = [read(0, 0, SENTENCE), wrote(1, 0, "a"), read(2, 1, "b"), wrote(3, 1, SENTENCE)]
    assert len(measured_spans(blocks)) == 1


def test_a_span_with_a_copy_in_a_fixed_page_is_not_measured() -> None:
    blocks = [
        read(0, 0, SENTENCE, kind="system", fixed=True),
        read(1, 0, SENTENCE),
        wrote(2, 0, "a"),
        read(3, 1, "b"),
        wrote(4, 1, SENTENCE),
    ]
    assert len(core_spans(find_spans(blocks))) == 1
    assert measured_spans(blocks) == []
