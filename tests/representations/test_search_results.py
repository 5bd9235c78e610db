"""Search results: each path once."""

from __future__ import annotations

from clawvm.representations import compress


def test_hits_are_grouped_by_file(source_of):
    text = (
        "src/a_long_folder/app.py:3:import os\n"
        "src/a_long_folder/app.py:9:    os.remove(path)\n"
        "src/a_long_folder/cli.py:1:import os\n"
        "src/a_long_folder/cli.py-2-import sys\n"
        "--\n"
        "[3 matches]\n"
    )
    assert compress(source_of("search", text)).text == (
        "[hits of 174 chars, 6 lines]\n"
        "[3 matches]\n"
        "src/a_long_folder/app.py\n"
        " 3: import os\n"
        " 9: os.remove(path)\n"
        "src/a_long_folder/cli.py\n"
        " 1: import os\n"
        " 2: import sys"
    )


def test_context_lines_go_where_grouping_alone_is_not_enough(source_of):
    text = "".join(
        f"a.py:{n}:a hit longer than the path\na.py-{n + 1}-what comes after it\n"
        for n in range(1, 9, 2)
    )
    lines = compress(source_of("search", text)).text.splitlines()
    assert lines[1:] == ["a.py", *(f" {n}: a hit longer than the path" for n in range(1, 9, 2))]


def test_paths_are_grouped_by_folder(source_of):
    text = (
        "Found 4 files\n/home/me/project/src/a.py\n/home/me/project/src/b.py\nREADME.md\nsetup.py\n"
    )
    assert compress(source_of("search", text)).text == (
        "[hits of 85 chars, 5 lines]\n"
        "Found 4 files\n"
        "/home/me/project/src/: a.py b.py\n"
        "README.md\n"
        "setup.py"
    )


def test_a_file_named_by_its_full_and_its_relative_path_is_one(source_of):
    text = (
        "src/a.py:2:def f():\n/home/me/p/src/a.py-3-    return 1\nsrc/a.py:9:f()\n" + "x/y.py:1:z\n"
    )
    lines = compress(source_of("search", text)).text.splitlines()
    assert lines[1] == "src/a.py"
    assert "/home/me/p/src/a.py" not in lines


def test_a_file_with_too_many_hits_keeps_the_first_and_a_count(source_of):
    text = "".join(
        f"a.py:{n}:a hit whose text is far longer than its path ({n})\n" for n in range(50)
    )
    lines = compress(source_of("search", text)).text.splitlines()
    assert len(lines) == 15
    assert lines[-1] == " … 38 more hits"
