"""Gets the sources of a revision, and builds their core in place."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from bench.gate.counting import run
from bench.gate.errors import GateError

__all__ = ["WORKING_TREE", "Base", "allowed_names", "build", "check_out", "find_base"]

PROJECT = Path(__file__).parents[2]
WORKING_TREE = "working tree"
SOURCES = ("_core", "bench", "clawvm", "setup.py", "pyproject.toml", "README.md", "LICENSE")
MADE = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", "*.c", "*.html", "_pure_build")
MAIN = "origin/main"
TRAILER = "Gate-Allow"


@dataclass(frozen=True, slots=True)
class Base:
    """What to compare with: a revision, or None and the reason why there is none."""

    revision: str | None
    reason: str


def find_base() -> Base:
    """Find what the working tree is a change of.

    The merge base with the main branch; on the main branch itself the commit before, or the last
    commit where something is not committed.
    """
    head = git_line("rev-parse", "--verify", "HEAD^{commit}")
    if head is None:
        return Base(None, "this is no git repository")
    fork = git_line("merge-base", "HEAD", MAIN) or git_line("merge-base", "HEAD", "main")
    if fork is not None and fork != head:
        return Base(fork, "where this branch left main")
    if git("--work-tree=.", "diff", "--quiet", "HEAD", "--", *SOURCES).returncode:
        return Base(head, "the last commit; the working tree differs from it")
    parent = git_line("rev-parse", "--verify", "HEAD^{commit}^")
    if parent is None:
        return Base(None, "the history ends here (a shallow clone?): fetch more of it")
    return Base(parent, "the commit before")


def allowed_names(base: str, head: str) -> frozenset[str]:
    """Return the workloads that commits between the two allow to become dearer, appear or go.

    A commit says so in a trailer, ``Gate-Allow: table.select.1000 session.put``.
    """
    last = "HEAD" if head == WORKING_TREE else head
    trailers = f"--format=%(trailers:key={TRAILER},valueonly)"
    return frozenset((git_line("log", trailers, f"{base}..{last}") or "").split())


def check_out(revision: str, folder: Path) -> None:
    """Put the sources of a revision, or of the working tree, into a folder."""
    if revision == WORKING_TREE:
        folder.mkdir()
        for name in SOURCES:
            source = PROJECT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=MADE)
            elif source.exists():
                shutil.copy2(source, folder / name)
        return
    done = git("archive", "--format=tar", f"{revision}^{{commit}}")
    if done.returncode:
        raise GateError(f"{revision}: not a revision of this repository ({line(done.stderr)})")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def build(checkout: Path) -> None:
    """Compile the core of a checkout in place, the way its own `setup.py` does it."""
    run(checkout, [sys.executable, "setup.py", "-q", "build_ext", "--inplace"])


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git where the gate was called."""
    if shutil.which("git") is None:
        raise GateError("git is not installed; it finds what to compare with")
    return subprocess.run(
        ["git", *arguments], capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )


def git_line(*arguments: str) -> str | None:
    """Return what git answers, None where it fails."""
    done = git(*arguments)
    return line(done.stdout) if not done.returncode else None


def line(output: bytes) -> str:
    """Return an output on one line."""
    return " ".join(output.decode("utf-8", "backslashreplace").split())
