"""What is known of a file is worth less once the file has been changed, or read again."""

from __future__ import annotations

import itertools

import pytest

READ_A = ("Read", {"file_path": "src/a.py"})
READ_B = ("Read", {"file_path": "src/b.py"})
READ_A_BELOW = ("Read", {"file_path": "src/a.py", "offset": 90})
EDIT_A = ("Edit", {"file_path": "src/a.py", "old_string": "x", "new_string": "y"})
SHOW_A = ("Bash", {"command": "sed -n '1,90p' src/a.py"})


@pytest.fixture
def weights(open_session):
    """``weights(call, ...)``: base utility of each call's page before and after all of them."""

    def run(*calls):
        session = open_session()
        session.add({"role": "user", "content": "Go on."})
        session.assemble()
        first: dict[str, int] = {}
        for number, (name, arguments) in zip(itertools.count(), calls):
            block = {"type": "tool_use", "id": f"c{number}", "name": name, "input": arguments}
            session.add({"role": "assistant", "content": [block]})
            session.add_result(f"c{number}", "a line of some text\n" * 40)
            session.assemble()
            first |= {page.id: page.weight for page in session.pages() if page.id not in first}
        pages = [page for page in session.pages() if page.is_tool]
        return [(first[page.id], page.weight) for page in pages]

    return run


@pytest.mark.parametrize(
    ("earlier", "later"),
    [(READ_A, EDIT_A), (EDIT_A, EDIT_A), (SHOW_A, EDIT_A), (READ_A, READ_A_BELOW)],
    ids=["read and edited", "edited twice", "shown and edited", "read again"],
)
def test_a_later_call_leaves_thirty_percent(weights, earlier, later):
    later = (later[0], later[1] | {"note": "no equal call"})
    (before, after), (came, stays) = weights(earlier, later)
    assert after == before * 30 // 100
    assert stays == came


@pytest.mark.parametrize(
    ("earlier", "later"),
    [(READ_B, EDIT_A), (EDIT_A, READ_A), (SHOW_A, READ_A), (READ_A, SHOW_A)],
    ids=["another file", "edited and read", "shown and read", "read and shown"],
)
def test_other_calls_leave_it_as_it_was(weights, earlier, later):
    (before, after), _ = weights(earlier, later)
    assert after == before


def test_it_happens_to_a_page_once(weights):
    again = [(EDIT_A[0], EDIT_A[1] | {"note": str(number)}) for number in range(3)]
    before, after = weights(READ_A, *again)[0]
    assert after == before * 30 // 100
