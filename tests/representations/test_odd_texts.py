"""No built-in builder raises, hangs or answers with what a channel refuses, whatever the text."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawvm.pages import Fidelity
from clawvm.representations import ContentKind, Source, build, compress, detect, point, structure

LEVELS = (Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.COMPRESSED)
FRAGMENTS = [
    "\0",
    "\ud800",
    "\r\n",
    "\r",
    "\n",
    "\x1b[31m",
    "\u2028",
    "12→",
    "a.py:3:",
    "@@ -1 +1 @@\n",
    "+++ b/x\n",
    "--- a/x\n",
    "*** Update File: x\n",
    "def f(",
    "import {",
    "{",
    "}",
    '"',
    "[",
    "]",
    "error: ",
    "Traceback (most recent call last):\n",
    "```",
    "# ",
    "- ",
    "Exit code: 1\n",
    "Output:\n",
    "<system-reminder>",
    "</system-reminder>",
    "word ",
    ". ",
    "?",
    "must ",
    "7",
    " ",
    "\t",
]
ODD_TEXTS = st.text() | st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join)
ARGUMENTS = st.none() | st.dictionaries(
    st.text(max_size=8), st.none() | st.integers() | st.text(), max_size=3
)


def sources(text, arguments, is_error) -> list[Source]:
    return [
        Source(
            text, kind, tool="t", arguments=arguments, is_error=is_error, handle="clawvm://s/p@1"
        )
        for kind in ContentKind
    ]


@given(ODD_TEXTS, ARGUMENTS, st.booleans())
def test_forms_are_sound_for_every_text_and_kind(text, arguments, is_error):
    detect(text)
    for source in sources(text, arguments, is_error):
        for form in filter(None, (compress(source), structure(source), point(source))):
            assert 1 <= form.quality <= 999
            form.text.encode()
            assert "\0" not in form.text


@given(ODD_TEXTS)
def test_the_first_line_says_that_it_is_a_reduced_form_and_of_which_size(text):
    for source in sources(text, None, False):
        for form in filter(None, (compress(source), structure(source))):
            first = form.text.split("\n", 1)[0]
            assert first.startswith("[")
            assert f" of {len(text)} chars, " in first


@given(ODD_TEXTS)
def test_ladders_get_cheaper_and_poorer_level_by_level(text):
    for source in sources(text, None, False):
        forms = build(source, LEVELS, len)
        lengths = [*(len(form.text) for form in forms.values()), len(text)]
        qualities = [*(form.quality for form in forms.values()), 1000]
        assert lengths == sorted(set(lengths))
        assert qualities == sorted(set(qualities))


@pytest.mark.parametrize("kind", ContentKind)
def test_structured_forms_are_bounded_whatever_the_size(kind):
    text = "".join(f"src/f_{n}.py:{n}:def function_{n}(): # must it fail?\n" for n in range(20_000))
    source = Source(text, kind, tool="t", arguments={"a": text, "b": [text]}, is_error=True)
    assert len(structure(source).text) < 2_000


SAME_EVERYWHERE = """
from clawvm.pages import Fidelity
from clawvm.representations import ContentKind, Source, build
line = "src/f{}.py:{}: def g{}(a, b): must {{'k': {}}} error?\\n"
text = "".join(line.format(n % 7, n, n, n) for n in range(300))
for kind in ContentKind:
    source = Source(text, kind, tool="t", arguments={"a": 1, "b": "x"}, handle="h")
    for level, form in build(source, list(Fidelity), len).items():
        print(kind, level, form.quality, form.text)
"""


def test_forms_do_not_depend_on_the_hash_seed(monkeypatch):
    def run(seed: str) -> bytes:
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        command = [sys.executable, "-c", SAME_EVERYWHERE]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout

    assert run("1") == run("2") != b""


LONG_TEXTS = """
from clawvm.representations import ContentKind, Source, compress, detect, point, structure
size = 500_000
for unit in UNITS:
    text = unit * (size // len(unit))
    detect(text)
    for kind in ContentKind:
        source = Source(text, kind, tool="t", handle="h")
        compress(source), structure(source), point(source)
"""


@pytest.mark.parametrize(
    "units",
    [
        ["a", " ", "deadbeef", "_", "a b "],
        ["[", '{"a":', '"\\', "\ud800"],
        ["a:1:", "a-1-", "/a", "(a,"],
        [". ", "!)", "must? ", "is it so? "],
        ["def f(\n", "import {\n", "const a = (\n"],
        ["\x1b[", "\x1b]0;", "a\r", "Wall time: 1\n", "<system-reminder>"],
        ["error 1\n", "Traceback (most recent call last):\n", "--- a\n+++ b\n@@ x\n-a\n+b\n"],
    ],
    ids=["letters", "json", "paths", "sentences", "definitions", "wrapping", "lines"],
)
def test_half_a_megabyte_of_anything_is_read_in_one_pass(units):
    # A quadratic builder would need an hour. In a process of its own, so that a hang is a failure.
    script = f"UNITS = {units!r}\n{LONG_TEXTS}"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
