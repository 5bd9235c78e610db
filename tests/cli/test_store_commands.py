"""`clawvm sessions`, `show` and `fsck` on stores with saved sessions."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import saved_sessions
from command import Ran, Run, environment
from postgres import Server
from saved_sessions import NOTES, SPACE, damage, live, open_session

from clawvm import PageType, Session
from clawvm.stores import clock, open_store
from clawvm.writeback import Principal, PrincipalKind

MODEL = Principal("assistant", PrincipalKind.MODEL)

# Commits, says so, and waits to be killed.
CRASHES = """
import sys
from saved_sessions import live, open_session
session = live(open_session(sys.argv[1], "crashed"))
print("committed", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agents.db"


@pytest.fixture
def url(path: Path) -> str:
    """A store with one session, which was closed."""
    url = f"sqlite:///{path}"
    live(open_session(url)).close()
    return url


def by_name(ran: Ran) -> dict[str, dict]:
    assert (ran.code, ran.err) == (0, "")
    return {line["name"]: line for line in ran.lines}


def words(ran: Ran) -> list[str]:
    """Return the lines of a table, without its frame."""
    return [" ".join(line.replace("│", " ").split()) for line in ran.out.splitlines()]


class TestSessions:
    def test_lists_each_session_with_its_turn_and_how_it_was_left(self, run: Run, url: str) -> None:
        ran = run("sessions", url)
        assert (ran.code, ran.err) == (0, "")
        (row,) = [line for line in words(ran) if line.startswith("default")]
        assert row.startswith("default session s 2 3 ")
        assert row.endswith("closed: its last commit was at the boundary 'end'")

    def test_as_json_has_every_figure(self, run: Run, url: str) -> None:
        (line,) = run("sessions", url, "--json").lines
        assert line.pop("saved_at") > 1e9
        assert line.pop("stored_bytes") > 1_000
        assert line == {
            "tenant": "default",
            "scope": "session",
            "name": "s",
            "turn": 2,
            "rows": 3,
            "last_seq": 3,
            "state": "closed",
            "why": "its last commit was at the boundary 'end'",
            "boundary": "end",
            "holder": None,
            "lease_expires_at": None,
            "spooled": 0,
        }

    def test_tells_open_crashed_left_and_empty_sessions_apart(
        self, run: Run, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live(open_session(url, "left")).close(discard=True)
        store = open_store(url)
        store.acquire(SPACE._replace(name="empty"), "somebody", 30)
        with open_session(store, "open", project="shared") as session:
            session.boundary("turn")
            with open_session(store, "expired") as expired:
                expired.boundary("turn")
                left = by_name(run("sessions", url, "--json"))
                now = clock.now()
                monkeypatch.setattr(clock, "now", lambda: now + 3_600)
                later = by_name(run("sessions", url, "--json"))
                monkeypatch.setattr(clock, "now", lambda: now)
        store.close()
        assert {name: line["state"] for name, line in left.items()} == {
            "s": "closed",
            "left": "left",
            "empty": "open",
            "open": "open",
            "expired": "open",
        }
        assert left["empty"]["why"].startswith("somebody has it, for ")
        assert left["open"]["why"].startswith("process ")
        assert {name: line["state"] for name, line in later.items()} == {
            "s": "closed",
            "left": "left",
            "empty": "empty",
            "open": "crashed",
            "expired": "crashed",
        }
        assert "ran out 3,570 s ago" in later["expired"]["why"]

    @pytest.mark.skipif(sys.platform == "win32", reason="nobody knows of a dead process there")
    def test_a_killed_session_is_listed_as_crashed(self, run: Run, url: str) -> None:
        places = [Path(saved_sessions.__file__).parent, Path(__file__).parents[2]]
        process = subprocess.Popen(
            [sys.executable, "-c", CRASHES, url],
            env=environment(PYTHONPATH=":".join(map(str, places))),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"committed\n"
            assert by_name(run("sessions", url, "--json"))["crashed"]["state"] == "open"
            process.kill()
        line = by_name(run("sessions", url, "--json"))["crashed"]
        assert line["state"] == "crashed"
        assert line["why"].startswith(f"process {process.pid} on ")
        assert line["why"].endswith(" is dead, its last commit was at the boundary 'turn'")

    def test_lists_projects_and_only_the_tenant_asked_for(self, run: Run, url: str) -> None:
        with open_session(url, "t", tenant="acme", project="house") as session:
            session.put("taste", PageType.PREFERENCE, "tea, not coffee")
        found = by_name(run("sessions", url, "--tenant", "acme", "--json"))
        assert {name: (line["scope"], line["state"]) for name, line in found.items()} == {
            "house": ("project", "shared"),
            "t": ("session", "closed"),
        }
        assert "[red]" not in run("sessions", url, "--tenant", "[red]").out

    def test_counts_the_rows_that_wait_in_the_spool(
        self, run: Run, url: str, path: Path, tmp_path: Path
    ) -> None:
        store = open_store(url)
        rows = saved_sessions.spooled_rows(store, 2)
        store.close()
        damage(path, "DELETE FROM journal WHERE seq > 2")
        saved_sessions.write_spool(Path(f"{path}-spool"), rows)
        saved_sessions.write_spool(tmp_path / "given", rows)
        for options in ((), ("--spool", tmp_path / "given")):
            line = by_name(run("sessions", url, "--json", *options))["s"]
            assert (line["rows"], line["spooled"]) == (2, 1)

    def test_a_session_whose_last_row_is_damaged_is_listed_as_such(
        self, run: Run, url: str, path: Path
    ) -> None:
        damage(path, "UPDATE journal SET checksum = 0 WHERE seq = 3")
        line = by_name(run("sessions", url, "--json"))["s"]
        assert (line["state"], line["turn"]) == ("damaged", None)
        assert "row 3" in line["why"]

    def test_knows_the_last_boundary_of_a_session_whose_rows_were_pruned(
        self, run: Run, url: str
    ) -> None:
        store = open_store(url)
        with open_session(store) as session:
            saved_sessions.fold(session)
            store.prune(4e9)
            line = by_name(run("sessions", url, "--json"))["s"]
        store.close()
        assert (line["rows"], line["turn"], line["boundary"]) == (0, 2, "turn")


class TestNoStore:
    @pytest.mark.parametrize("command", [("sessions",), ("show", "s"), ("fsck",)])
    def test_a_slip_in_the_address_makes_no_store(
        self, run: Run, tmp_path: Path, command: tuple[str, ...]
    ) -> None:
        address = f"sqlite:///{tmp_path / 'agent.db'}"
        ran = run(command[0], address, *command[1:])
        assert ran.code == 1
        assert ran.error == f"clawvm: there is no store {address}; see to the address"
        assert list(tmp_path.iterdir()) == []

    def test_an_empty_file_stays_empty(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "empty.db").touch()
        ran = run("sessions", f"sqlite:///{tmp_path / 'empty.db'}")
        assert ran.code == 1
        assert [(file.name, file.stat().st_size) for file in tmp_path.iterdir()] == [
            ("empty.db", 0)
        ]

    @pytest.mark.parametrize(
        ("address", "reason"),
        [
            ("memory:", "the store memory: is new each time it is opened"),
            ("agents.db", "no known kind; give memory:, sqlite:///file.db"),
            ("sqlite:///no/such/folder/agents.db", "there is no folder"),
        ],
    )
    def test_other_addresses_are_refused(self, run: Run, address: str, reason: str) -> None:
        ran = run("fsck", address)
        assert ran.code == 1
        assert reason in ran.error


class TestShow:
    def test_sums_a_session_up(self, run: Run, url: str) -> None:
        ran = run("show", url, "s")
        assert (ran.code, ran.err) == (0, "")
        lines = words(ran)
        assert lines[0] == (
            "session 's' of tenant 'default': closed, its last commit was at the boundary 'end'"
        )
        for line in (
            "turn 2",
            "boundaries fired 2 turn, 1 end",
            "pages 4 live, 0 archived",
            "commits ended 2 committed",
            "faults none",
            "rows 3",
            "operations 5 committed, 0 refused",
            "refused and not retried with success: none",
        ):
            assert any(line in each for each in lines), line
        (rule,) = [line for line in lines if line.startswith("rule ")]
        assert rule == "rule constraint constraint page 1 full 219 of 219 hard harness:put rule"

    def test_shows_a_session_that_is_open_elsewhere(self, run: Run, url: str) -> None:
        with open_session(url) as session:
            session.put("plan", PageType.PLAN, "go on")
            session.boundary("turn")
            session.put("plan", PageType.PLAN, "stop")
            ran = run("show", url, "s", "--page", "plan")
            assert (ran.code, ran.out) == (0, "go on")
            assert " open, process " in words(run("show", url, "s"))[0]

    def test_as_json_has_pages_rejections_and_the_journal(self, run: Run, url: str) -> None:
        with open_session(url) as session:
            session.stage("rule", "text", "set", "Send away.", evidence="rule", principal=MODEL)
            session.boundary("turn")
            session.reset()
        (line,) = run("show", url, "s", "--json").lines
        pages = {page["id"]: page for page in line["pages"]}
        assert set(pages) == {"rule", "notes"}
        assert pages["notes"] == {
            "id": "notes",
            "type": "preference",
            "label": "preference page",
            "version": 2,
            "level": "full",
            "tokens": pages["notes"]["full_tokens"],
            "full_tokens": pages["notes"]["full_tokens"],
            "pin": "none",
            "provenance": {"source": "harness", "reference": "put notes", "turn": 2},
        }
        (rejection,) = line["rejections"]
        assert rejection.pop("reason")
        assert rejection == {
            "id": "4.0",
            "code": rejection["code"],
            "page": "rule",
            "field": "text",
            "principal": "assistant (model)",
        }
        assert line["archived"] == 3
        assert line["coverage"]["reset"] == 1
        assert line["outcomes"]["committed"] >= 3
        assert line["journal"]["refused"] == 1
        assert (
            line["journal"]["rows"]
            == line["last_seq"]
            == sum(line["journal"]["boundaries"].values())
        )

    def test_prints_the_exact_text_of_each_version(self, run: Run, url: str) -> None:
        for options, text in (
            ((), NOTES + "second"),
            (("--version", 1), NOTES + "first"),
            (("--version", 2), NOTES + "second"),
        ):
            ran = run("show", url, "s", "--page", "notes", *options)
            assert (ran.code, ran.out, ran.err) == (0, text, "")
        (line,) = run("show", url, "s", "--page", "clawvm://s/notes@1", "--json").lines
        assert (line["outcome"], line["version"], line["text"]) == ("found", 1, NOTES + "first")

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            (("--page", "diary"), "no-match: session 's' has no page 'diary'"),
            (
                ("--page", "notes", "--version", 7),
                "no-match: page 'notes' has no version 7, its newest is 2",
            ),
            (
                ("--page", "clawvm://other/notes@1"),
                "denied: clawvm://other/notes@1 belongs to session 'other', this is 's'",
            ),
        ],
    )
    def test_says_why_there_is_no_text(
        self, run: Run, url: str, options: tuple[object, ...], error: str
    ) -> None:
        ran = run("show", url, "s", *options)
        assert (ran.code, ran.error) == (1, f"clawvm: {error}")
        ran = run("show", url, "s", *options, "--json")
        assert ran.code == 1
        assert f"{ran.lines[0]['outcome']}: {ran.lines[0]['reason']}" == error

    def test_a_version_that_was_pruned_is_stale(self, run: Run, url: str) -> None:
        store = open_store(url)
        with open_session(store) as session:
            saved_sessions.fold(session)
            store.prune(4e9)
            ran = run("show", url, "s", "--page", "notes", "--version", 1)
            assert "rows 0 of 4, those before 5 are pruned" in words(run("show", url, "s"))
        store.close()
        assert (ran.code, ran.error) == (
            1,
            "clawvm: stale: version 1 of page 'notes' is gone, version 2 is the newest",
        )

    def test_fails_where_there_is_no_such_session(self, run: Run, url: str) -> None:
        ran = run("show", url, "s", "--tenant", "acme")
        assert ran.code == 1
        assert ran.error == (
            f"clawvm: {url} has no session 's' of tenant 'acme'; clawvm sessions lists what "
            "there is"
        )

    def test_fails_where_the_session_cannot_be_read(self, run: Run, url: str, path: Path) -> None:
        damage(path, "UPDATE journal SET checksum = 0 WHERE seq = 2")
        ran = run("show", url, "s")
        assert ran.code == 1
        assert ran.error.startswith("clawvm: row 2 of session 's' of tenant 'default'")


class TestFsck:
    def test_says_that_nothing_is_wrong(self, run: Run, url: str) -> None:
        assert run("fsck", url) == Ran(0, "nothing is wrong\n", "")
        assert run("fsck", url, "--json") == Ran(0, "", "")

    def test_names_what_is_wrong_a_line_each(self, run: Run, url: str, path: Path) -> None:
        damage(path, "UPDATE journal SET checksum = 0 WHERE seq = 2")
        ran = run("fsck", url, "--repair")
        assert (ran.code, ran.err) == (1, "")
        first, second, last = ran.out.splitlines()
        assert first.startswith("row 2 of session 's' of tenant 'default': ")
        assert second.startswith("session 's' of tenant 'default': cannot be opened: row 2 of ")
        assert last == "2 findings, 0 mended"
        ran = run("fsck", url, "--json")
        assert ran.code == 1
        assert [set(line) for line in ran.lines] == [{"where", "what", "mended"}] * 2

    def test_is_content_when_everything_was_mended(self, run: Run, url: str, path: Path) -> None:
        with open_session(url) as session:
            saved_sessions.fold(session)
        damage(path, "UPDATE bodies SET data = x'00' WHERE id = (SELECT body FROM snapshots)")
        assert run("fsck", url).code == 1
        ran = run("fsck", url, "--repair")
        assert ran.code == 0
        assert ran.out.splitlines()[-1] == "1 finding, 1 mended"
        assert run("fsck", url).out == "nothing is wrong\n"

    def test_looks_at_the_spool_that_it_is_given(self, run: Run, url: str, tmp_path: Path) -> None:
        store = open_store(url)
        spool = saved_sessions.write_spool(
            tmp_path / "given", saved_sessions.spooled_rows(store, 3)
        )
        store.close()
        spool.write_bytes(spool.read_bytes() + b"torn")
        assert run("fsck", url).code == 0
        ran = run("fsck", url, "--spool", tmp_path / "given")
        assert ran.code == 1
        assert ran.out.startswith(f"{spool}: ends in 4 bytes of a row ")


SCHEMAS = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    schema = f"commands_{next(SCHEMAS)}"
    postgres_server.execute(f"CREATE SCHEMA {schema}")
    yield postgres_server.url(options=f"-csearch_path={schema}")
    postgres_server.execute(f"DROP SCHEMA {schema} CASCADE")


def test_all_three_commands_work_on_postgresql(
    run: Run, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert "there is no store" in run("sessions", postgres_url).error
    session: Session = live(open_session(postgres_url))
    assert by_name(run("sessions", postgres_url, "--json"))["s"]["state"] == "open"
    session.close()
    assert by_name(run("sessions", postgres_url, "--json"))["s"]["state"] == "closed"
    ran = run("show", postgres_url, "s", "--page", "notes", "--version", 1)
    assert (ran.code, ran.out) == (0, NOTES + "first")
    assert run("fsck", postgres_url) == Ran(0, "nothing is wrong\n", "")
