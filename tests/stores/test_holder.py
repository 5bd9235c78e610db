"""Whether the process that holds a lease is dead."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from clawvm.stores import is_dead, this_holder

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def changed(part: int, value: str) -> str:
    parts = this_holder().split(";")
    parts[part] = value
    return ";".join(parts)


def test_this_process_lives() -> None:
    assert not is_dead(this_holder())


def test_a_process_has_one_name() -> None:
    assert this_holder() == this_holder()
    assert str(os.getpid()) in this_holder().split(";")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_has_another_name() -> None:
    program = (
        "import os; from clawvm.stores import this_holder; mine = this_holder()\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(this_holder() == mine)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


@LINUX
def test_a_number_that_was_given_to_another_process_is_told_apart() -> None:
    assert is_dead(changed(2, "another-boot:12345"))


def test_another_machine_cannot_be_known() -> None:
    assert not is_dead(changed(0, "elsewhere/0").replace(f";{os.getpid()};", ";99999999;"))


def test_another_namespace_cannot_be_known() -> None:
    assert not is_dead(changed(3, "pid:[1]").replace(f";{os.getpid()};", ";99999999;"))


@pytest.mark.parametrize("holder", ["", "somebody", ";;;;", "a;b;c;d;e", "a;1;c;d"])
def test_another_kind_of_text_cannot_be_known(holder: str) -> None:
    assert not is_dead(holder)


@LINUX
def test_a_process_that_has_ended_and_was_not_waited_for_is_dead() -> None:
    program = "from clawvm.stores import this_holder; print(this_holder(), flush=True)"
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        holder = child.stdout.read().strip()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(holder)
    child.wait()
