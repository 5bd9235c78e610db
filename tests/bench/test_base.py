"""What the gate compares the working tree with."""

from __future__ import annotations

import subprocess

import pytest

from bench.gate.checkout import WORKING_TREE, allowed_names, check_out, find_base
from bench.gate.errors import GateError


class Repository:
    """A git repository in the current folder."""

    def __init__(self, folder):
        self.folder = folder
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, text, message="A change"):
        (self.folder / "setup.py").write_text(text)
        self.git("add", ".")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path)


def test_a_branch_is_compared_with_where_it_left_main(repository):
    fork = repository.commit("1")
    repository.git("switch", "-q", "-c", "branch")
    repository.commit("2")
    repository.commit("3")
    assert find_base().revision == fork


def test_main_is_compared_with_the_commit_before(repository):
    before = repository.commit("1")
    repository.commit("2")
    assert find_base().revision == before


def test_changes_on_main_are_compared_with_the_last_commit(repository):
    repository.commit("1")
    last = repository.commit("2")
    (repository.folder / "setup.py").write_text("3")
    assert find_base().revision == last


def test_the_first_commit_has_no_base_and_the_reason_is_said(repository):
    repository.commit("1")
    found = find_base()
    assert found.revision is None
    assert "shallow" in found.reason


def test_a_shallow_clone_has_no_base(repository, tmp_path, monkeypatch):
    repository.commit("1")
    repository.commit("2")
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--depth=1", tmp_path.as_uri(), str(clone))
    monkeypatch.chdir(clone)
    found = find_base()
    assert found.revision is None
    assert "shallow" in found.reason


def test_outside_a_repository_there_is_no_base(tmp_path, monkeypatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    found = find_base()
    assert found.revision is None
    assert "no git repository" in found.reason


def test_commits_name_in_a_trailer_what_they_mean_to_change(repository):
    base = repository.commit("1", "First\n\nGate-Allow: not.in.the.range")
    repository.commit("2", "Second\n\nIt is worth it.\n\nGate-Allow: table.find table.touch")
    head = repository.commit("3", "Third\n\nGate-Allow: session.put")
    expected = {"table.find", "table.touch", "session.put"}
    assert allowed_names(base, head) == expected
    assert allowed_names(base, WORKING_TREE) == expected
    assert allowed_names(head, WORKING_TREE) == set()


def test_the_sources_of_a_revision_are_checked_out(repository, tmp_path):
    old = repository.commit("1")
    repository.commit("2")
    check_out(old, tmp_path / "old")
    assert (tmp_path / "old" / "setup.py").read_text() == "1"


def test_an_unknown_revision_is_refused_by_name(repository, tmp_path):
    repository.commit("1")
    with pytest.raises(GateError, match="no-such-revision: not a revision"):
        check_out("no-such-revision", tmp_path / "checkout")
