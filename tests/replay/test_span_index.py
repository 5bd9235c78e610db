"""The index finds exactly what a search without one finds, on texts full of repeats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawvm.replay import span_index
from clawvm.replay.blocks import Block
from clawvm.replay.spans import Span, find_spans


def spans_by_search(blocks: list[Block], length: int) -> list[Span]:
    """The definition, word for word, with no index."""
    spans = []
    for block in (block for block in blocks if block.direction == "out"):
        history = [
            page for page in blocks if page.request < block.request + (page.direction == "in")
        ]
        for number, leaf in enumerate(block.leaves):
            start = 0
            while start + length <= len(leaf):
                end = start + length
                if len(set(leaf[start:end])) < min(6, length) or not holders(
                    history, leaf[start:end]
                ):
                    start += 1
                    continue
                while end < len(leaf) and holders(history, leaf[start : end + 1]):
                    end += 1
                text, kept = leaf[start:end], leaf[start:end].strip()
                if len(kept) >= length and 10 * sum(map(str.isalnum, kept)) >= 3 * len(kept):
                    pages = holders(history, text)
                    newest = pages[-1]
                    behind = len(newest.text) - newest.text.rindex(text) - len(text)
                    age = behind + sum(
                        len(page.text) for page in history if page.index > newest.index
                    )
                    sources = tuple(page.index for page in pages)
                    spans.append(
                        Span(block.request, block.index, number, start, text, sources, age)
                    )
                start = end
    return spans


def holders(history: list[Block], text: str) -> list[Block]:
    return [page for page in history if text in page.text]


@st.composite
def sessions(draw: st.DrawFn) -> list[Block]:
    """A few requests over an alphabet so small that nearly everything repeats."""
    texts = st.text(
        draw(st.sampled_from(["ab", "abc ", "abcdefgh", "ab\x00\ud800\U0001f63a"])), max_size=40
    )
    blocks: list[Block] = []
    for request in range(draw(st.integers(1, 4))):
        for text in draw(st.lists(texts, max_size=4)):
            blocks.append(Block(len(blocks), request, "in", "result", text))
        for leaves in draw(st.lists(st.lists(texts, max_size=2), max_size=2)):
            text = "f\n" + "\n".join(leaves)
            blocks.append(Block(len(blocks), request, "out", "call", text, leaves=tuple(leaves)))
    return blocks


@settings(max_examples=300, deadline=None)
@given(sessions(), st.integers(1, 12))
def test_the_same_spans_as_a_plain_search(blocks: list[Block], length: int) -> None:
    assert find_spans(blocks, length) == spans_by_search(blocks, length)


@settings(max_examples=200, deadline=None)
@given(sessions(), st.integers(1, 12), st.integers(0, 3))
def test_the_same_spans_when_nearly_all_hashes_collide(
    blocks: list[Block], length: int, bits: int
) -> None:
    honest = span_index.SpanIndex._hash
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(span_index, "_SAMPLE", 2)
        patch.setattr(
            span_index.SpanIndex,
            "_hash",
            lambda self, starts, size: honest(self, starts, size) & np.uint64((1 << bits) - 1),
        )
        found = find_spans(blocks, length)
    assert found == spans_by_search(blocks, length)


def test_a_gram_with_thousands_of_places_keeps_one_source_a_page() -> None:
    line = "worker 7 is alive and waits for the next job\n"
    blocks = [Block(i, 0, "in", "result", line * 500) for i in range(40)]
    blocks.append(Block(40, 0, "out", "call", line * 900, leaves=(line * 900,)))
    first, second = find_spans(blocks)
    assert (len(first.text), len(second.text)) == (500 * len(line), 400 * len(line))
    assert first.sources == second.sources == tuple(range(40))
