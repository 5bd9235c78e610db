"""Texts whose lines carry numbers lose those first."""

from __future__ import annotations

import pytest

from clawvm.pages import Fidelity
from clawvm.representations import build, compress

LINES = ["def one(x):", "    return x + 1", "", "    # done", "def two(x):", "    return x + 2"]


def numbered(form, first=7):
    return "\n".join(form.format(number, line) for number, line in enumerate(LINES, first))


@pytest.mark.parametrize(
    "form", ["{:>6}→{}", "{:>6}\t{}", "{}:{}", "{:05}|{}", "{:05}| {}", "{}: {}"]
)
@pytest.mark.parametrize("kind", ["code", "prose"])
def test_every_line_stays_without_its_number(source_of, form, kind):
    text = compress(source_of(kind, numbered(form))).text
    head, *lines = text.split("\n")
    assert lines == LINES
    assert head.startswith("[lines from 7, unnumbered, of ")


@pytest.mark.parametrize("separator", ["|", ":"])
def test_a_blank_is_taken_off_only_where_every_line_has_one(source_of, separator):
    lines = ["  indented", "", "  as well"]
    text = "\n".join(f"{number}{separator}{line}" for number, line in enumerate(lines, 1))
    assert compress(source_of("code", text)).text.split("\n")[1:] == lines


@pytest.mark.parametrize("separator", ["|", ":"])
def test_a_blank_that_may_be_of_the_text_or_not_is_a_doubt(source_of, separator):
    lines = [f"{number}{separator} return {number}" for number in range(1, 9)]
    form = compress(source_of("code", "\n".join(lines)))
    assert form is None or not form.text.startswith("[lines from")


def test_what_a_harness_hangs_below_stays(source_of):
    text = numbered("{:>6}→{}") + "\n\n(End of file - total 12 lines)"
    assert compress(source_of("code", text)).text.endswith(
        "x + 2\n\n(End of file - total 12 lines)"
    )


def test_numbers_that_do_not_follow_each_other_tell_where_lines_are_from(source_of):
    text = numbered("{:>6}→{}") + "\n" + numbered("{:>6}→{}", first=90)
    form = compress(source_of("code", text))
    assert form is None or not form.text.startswith("[lines from")


def test_a_text_without_numbers_has_an_outline(source_of):
    text = "\n".join(LINES * 4)
    assert compress(source_of("code", text)).text.startswith("[outline of ")


def test_nearly_all_of_its_worth_is_kept_for_less(source_of):
    source = source_of("code", "\n".join(numbered("{:>6}→{}", 1 + 6 * n) for n in range(20)))
    forms = build(source, [Fidelity.COMPRESSED], len)
    form = forms[Fidelity.COMPRESSED]
    assert form.quality == 980
    assert len(form.text) < 0.75 * len(source.text)
