"""What kind a text is taken for."""

from __future__ import annotations

import pytest

from clawvm.representations import detect

CODE = "def f(a):\n    return a\n\n\nclass B:\n    x = (1, 2)\n"
LOG = "2024-01-01 10:00:00 INFO started\n2024-01-01 10:00:01 INFO stopped\nbye\n"
PROSE = (
    "# Title\n\nThis is a paragraph with a good many words, as prose has.\n\n- an item\n- another\n"
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"a": 1}', "json"),
        ("[1, 2]", "log"),  # too little to tell from "[1, 2] done"
        ('[{"a": 1}]', "json"),
        ("[lint] $ gofmt [ok]", "log"),
        ("Exit code: 0\nWall time: 0 seconds\nOutput:\n" + CODE, "code"),
        ("     1→package a\n     2→\n     3→words\n", "code"),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "diff"),
        ("*** Begin Patch\n*** Update File: a\n@@\n-x\n+y\n*** End Patch\n", "diff"),
        ("src/a.py:1:x\nsrc/a.py:2:y\nsrc/b.py:3:z\n", "search"),
        ("src/a.py\nsrc/b.py\nsetup.py\n", "search"),
        (LOG, "log"),
        (PROSE, "prose"),
        ("", "log"),
        ("\0\ud800", "log"),
    ],
)
def test_it_is_told_from_the_looks(text, kind):
    assert detect(text) == kind


@pytest.mark.parametrize(
    ("hints", "kind"),
    [
        ({"role": "user"}, "chat"),
        ({"role": "assistant"}, "chat"),
        ({"role": "system"}, "prose"),
        ({"tool": "Read", "path": "a/b.py"}, "code"),
        ({"tool": "Read", "path": "README.md"}, "prose"),
        ({"tool": "Read", "path": "out.log"}, "log"),
        ({"tool": "Grep"}, "search"),
        ({"tool": "WebFetch"}, "prose"),
    ],
)
def test_where_it_came_from_tells_what_looks_do_not(hints, kind):
    assert detect("one line that could be anything", **hints) == kind
