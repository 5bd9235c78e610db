"""Which files a path stands for, and how an import tells its progress."""

import json

import pytest

from clawvm.errors import TraceInvalid
from clawvm.replay.importers import open_sessions, trace_files

CHAT = '[{"role": "user", "content": "hi"}]'


@pytest.fixture
def tree(tmp_path):
    for name in ("b/two.json", "b/one.json", "a/three.json", ".git/four.json", "a/.five.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(CHAT)
    (tmp_path / "notes.md").write_text("# Notes")
    return tmp_path


def names(paths, root):
    return [str(path.relative_to(root)) for path in paths]


def test_directories_are_walked_in_order_of_name(tree):
    assert names(trace_files([tree]).found, tree) == ["a/three.json", "b/one.json", "b/two.json"]


def test_files_of_no_known_format_inside_a_directory_are_reported(tree):
    ((path, reason),) = trace_files([tree]).unknown

    assert path.name == "notes.md"
    assert "not JSON" in reason


def test_a_file_of_no_known_format_that_was_named_is_an_error(tree):
    with pytest.raises(TraceInvalid, match=r"notes\.md"):
        trace_files([tree / "notes.md"])


def test_given_order_is_kept_and_nothing_is_listed_twice(tree):
    found = trace_files([tree / "b", tree, str(tree / "b/one.json")]).found

    assert names(found, tree) == ["b/one.json", "b/two.json", "a/three.json"]


def test_a_path_that_does_not_exist_is_an_error(tree):
    with pytest.raises(TraceInvalid, match="No such file"):
        trace_files([tree / "none"])


def test_progress_ends_at_the_size_of_the_file(tmp_path):
    path = tmp_path / "long.jsonl"
    message = json.dumps({"role": "user", "content": "x" * 10_000})
    path.write_text("\n".join([message] * 400))
    seen = []

    list(open_sessions(path, lambda done, total: seen.append((done, total))))

    assert len(seen) >= 3
    assert seen == sorted(seen)
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
