"""Rules that hold for the project as a whole: floors, cheap import, versions, clean files."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import clawvm

PACKAGE = Path(clawvm.__file__).parent
PROJECT = Path(__file__).parents[1]

#: Rooms by floor; a room imports only from its own floor and those before it.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            *("_backend", "_core", "_reference", "_version", "collector", "crash_points", "errors"),
            *("pages", "tokens"),
        }
    ),
    frozenset(
        {"audit", "faults", "messages", "representations", "residency", "snapshot", "stores"}
    ),
    frozenset({"writeback"}),
    frozenset({"session"}),
    frozenset({"__init__"}),  # the public names
    frozenset({"cli", "pytest_plugin", "replay"}),
)
LOWER_FLOORS = frozenset().union(*FLOORS[:4])
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Modules that import something heavy at their top and are only reached by a lazy import.
LAZY_MODULES = frozenset(
    (
        # Decoders that C code runs are described by types, which need msgspec; `container` imports
        # these when a session is saved or loaded.
        *(f"clawvm.snapshot.{name}" for name in ("columns", "payload", "structs")),
        # psycopg; reached from `stores.postgres` when such a store is opened.
        *(
            f"clawvm.stores.postgres_{part}"
            for part in ("append", "check", "link", "migrate", "upkeep")
        ),
        # sqlite3; reached from `stores.open_store` when such a store is opened.
        "clawvm.stores.sqlite",
        *(
            f"clawvm.stores.sqlite_{part}"
            for part in (
                *("check", "connections", "errors", "maintenance", "mend", "rows", "schema"),
                "spaces",
            )
        ),
        # asyncio; whoever uses it has a loop.
        "clawvm.stores.asynchronous",
    )
)

HEAVY = (
    "anthropic",
    "asyncio",
    "cryptography",
    "lz4",
    "msgspec",
    "numpy",
    "openai",
    "psycopg",
    "psycopg_pool",
    "rich",
    "sqlite3",
    "tiktoken",
    "toktok",
    "typer",
)

# Written in pieces, so that this file is not its own first find.
OUT_OF_PLACE = re.compile(
    "|".join(("/ro" + "ot/", "/wo" + "rk/", "/fa" + "rm/", r"py" + r"pi\.org", "python" + "hosted"))
)


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and room of every import of ours, at any depth of the code."""
    package = ("clawvm", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = [*base, *(node.module.split(".") if node.module else [])]
            targets = [[*stem, alias.name] for alias in node.names]
        else:
            continue
        for target in targets:
            if target[0] == "clawvm":
                public = len(target) == 1 or target[1] not in FLOOR_OF
                yield node.lineno, "__init__" if public else target[1]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this Python apart, with our own variables only where given."""
    inherited = {
        name: value for name, value in os.environ.items() if name != "CLAWVM_NO_EXTENSIONS"
    }
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_room_stands_on_a_floor() -> None:
    assert {room_of(path) for path in sources()} <= set(FLOOR_OF)


def test_imports_point_one_way() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}: {room_of(path)} imports {room}"
        for path in sources()
        for line, room in rooms_imported(path)
        if FLOOR_OF[room] > FLOOR_OF[room_of(path)]
    ]
    assert wrong == []


def test_only_the_journal_writes_to_a_store() -> None:
    """A row is an `Append`; whoever makes none cannot go round validation."""
    found = set()
    for path in sources():
        if room_of(path) == "stores":
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            written = isinstance(node, ast.Attribute) and node.attr in ("append", "save_snapshot")
            if written and ast.unparse(node.value).endswith("store"):
                found.add((path.relative_to(PACKAGE).as_posix(), node.attr))
            if isinstance(node, ast.Name) and node.id == "Append" and room_of(path) != "writeback":
                found.add((path.relative_to(PACKAGE).as_posix(), "Append"))
    assert found == {
        ("writeback/delivery.py", "append"),
        ("writeback/snapshots.py", "save_snapshot"),
    }


def test_importing_the_library_imports_nothing_heavy() -> None:
    modules = [
        ".".join(("clawvm", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in sources()
        if room_of(path) in LOWER_FLOORS
    ]
    modules = [name for name in modules if name not in LAZY_MODULES]
    program = (
        "import importlib, sys\n"
        "before = set(sys.modules)\n"  # what measures the coverage brings modules of its own
        f"for name in {modules!r}: importlib.import_module(name.removesuffix('.__init__'))\n"
        f"print(*sorted((set(sys.modules) - before) & set({HEAVY!r})))"
    )
    backend = os.environ.get("CLAWVM_NO_EXTENSIONS", "")
    done = python("-c", program, CLAWVM_NO_EXTENSIONS=backend)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_versions_agree() -> None:
    assert importlib.metadata.version("clawvm") == clawvm.__version__


def test_the_changelog_knows_this_version() -> None:
    changelog = PROJECT / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("the tests run outside a source tree")
    first = re.search(r"^## (\S+)", changelog.read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None
    assert first[1] == clawvm.__version__


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()


def test_no_file_names_a_workplace_or_a_registry() -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in project_files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if OUT_OF_PLACE.search(line)
    ]
    assert found == []


def project_files() -> list[Path]:
    """The files of the project: those that git knows, or all but hidden ones where there is no git.

    Hidden files at the top are what tools leave there, such as the data of a running coverage.
    """
    if (PROJECT / ".git").exists():
        listing = subprocess.run(
            ["git", "-C", str(PROJECT), "ls-files", "-z"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        return [path for name in listing.split("\0") if name and (path := PROJECT / name).is_file()]
    parts = ("_core", "bench", "clawvm", "docs", "tests", ".ci", ".github")
    made = {".c", ".html", ".so", ".pyd", ".pyc"}
    nested = (path for part in parts for path in (PROJECT / part).rglob("*"))
    files = [path for path in (*PROJECT.glob("[!.]*"), *nested) if path.is_file()]
    return [path for path in files if path.suffix not in made]
