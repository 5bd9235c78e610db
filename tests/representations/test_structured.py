"""The structured form: typed fields."""

from __future__ import annotations

import json

import pytest

from clawvm.representations import structure


def fields(form) -> list[str]:
    return form.text.splitlines()[1:]


def test_it_starts_with_what_it_is_and_of_which_size_and_status(source_of):
    text = "Exit code: 2\nWall time: 1 seconds\nOutput:\nhello\n"
    assert structure(source_of("log", text)).text.splitlines()[0] == (
        "[fields of 48 chars, 4 lines; exit 2]"
    )


def test_a_call_is_one_line_with_its_arguments_cut_short(source_of):
    source = source_of("log", "done\n", tool="Write", arguments={"n": 1, "content": "word " * 500})
    assert fields(structure(source))[0].startswith("tool: Write(n=1, content=word word ")
    assert len(fields(structure(source))[0]) < 140


def test_output_gives_first_error_first_and_last_line(source_of):
    text = "start\nerror: one\nerror: two\nend\n"
    assert fields(structure(source_of("log", text))) == [
        "error: error: one (1 of 2)",
        "first: start",
        "last: end",
    ]
    assert structure(source_of("log", text)).quality == 120


def test_json_gives_top_level_keys_with_values_or_types(source_of):
    document = {
        "id": "A1",
        "n": 2,
        "rows": [{"x": 1, "y": 2}] * 3,
        "empty": [],
        "o": {"p": 1},
        "no": None,
    }
    assert fields(structure(source_of("json", json.dumps(document)))) == [
        "id: A1",
        "n: 2",
        "rows: [3: {x, y}, …]",
        "empty: []",
        "o: {p}",
        "no: null",
    ]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("code", "import os\n\nclass A:\n    def b(self):\n        pass\n", ["defines: A, b"]),
        ("diff", "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n", ["changes: x.py +1 -1"]),
        ("search", "a.py:1:x\na.py:2:y\nb.py-3-z\n", ["hits: a.py (2), b.py (0)"]),
        (
            "search",
            "s/a.py\ns/b.py\ns/c.py\nt/d.py\n",
            ["paths: s/ (3), t/ (1)"],
        ),
        (
            "prose",
            "# Title\n\nIt is about this. And that.\n\n## More\n",
            ["starts: Title", "headings: Title | More"],
        ),
        (
            "chat",
            "I have read it all. Shall I go on?",
            ["role: user", "says: I have read it all.", "asks: Shall I go on?"],
        ),
    ],
)
def test_each_kind_gives_its_own_fields(source_of, kind, text, expected):
    role = "user" if kind == "chat" else None
    assert fields(structure(source_of(kind, text, role=role))) == expected


def test_beside_its_call_it_repeats_neither_tool_nor_argument(source_of):
    source = source_of("log", "one\ntwo", tool="Bash", arguments={"command": "ls"}, call_shown=True)
    assert "Bash" not in structure(source).text
    assert "one" in structure(source).text
