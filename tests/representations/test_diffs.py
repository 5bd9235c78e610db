"""Diffs: files, hunks, changed lines."""

from __future__ import annotations

from clawvm.representations import compress

UNIFIED = """\
commit 1a2b3c
    Mend the reader

diff --git a/src/app.py b/src/app.py
index 1234567..89abcde 100644
--- a/src/app.py
+++ b/src/app.py
@@ -10,7 +10,7 @@ def read(path):
     a line of context that is long enough to count
     another line of context that is long enough
-    return open(path).read()
+    return open(path, encoding="utf8").read()
     one more line of context after the change
diff --git a/old.txt b/old.txt
deleted file mode 100644
--- a/old.txt
+++ /dev/null
@@ -1 +0,0 @@
--- a title in dashes
"""

PATCH = """\
*** Begin Patch
*** Update File: src/app.py
@@ def read(path):
 context
-old
+new
*** Add File: NOTES.md
+# Notes
*** End Patch
"""


def test_a_unified_diff_keeps_files_hunks_and_changed_lines(source_of):
    assert compress(source_of("diff", UNIFIED)).text == (
        "[changes of 515 chars, 19 lines]\n"
        "commit 1a2b3c\n"
        "    Mend the reader\n"
        "*** src/app.py +1 -1\n"
        "@@ -10,7 +10,7 @@ def read(path):\n"
        "-    return open(path).read()\n"
        '+    return open(path, encoding="utf8").read()\n'
        "*** old.txt +0 -1\n"
        "deleted file mode 100644\n"
        "@@ -1 +0,0 @@\n"
        "--- a title in dashes"
    )


def test_a_patch_of_an_agent_keeps_the_same(source_of):
    assert compress(source_of("diff", PATCH)).text.split("\n", 1)[1] == (
        "*** src/app.py +1 -1\n@@ def read(path):\n-old\n+new\n*** NOTES.md (add) +1 -0\n+# Notes"
    )


def test_a_diff_without_a_changed_line_is_folded_as_text(source_of):
    assert compress(source_of("diff", "diff --git a/x b/x\n")).text.startswith("[folded of ")
