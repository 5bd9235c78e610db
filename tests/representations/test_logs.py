"""Logs and command output: noise folded, errors and the end kept whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clawvm.representations import ContentKind, Source, carries_error, compress

TEST_RUN = """\
Exit code: 1
Wall time: 4.2 seconds
Output:
\x1b[32mCollecting\x1b[0m requests
Downloading  1%\rDownloading 50%\rDownloading 100%
[10:00:01] step 1 of 40 took 12 ms
[10:00:02] step 2 of 40 took 9 ms
[10:00:03] step 3 of 40 took 11 ms
[10:00:04] step 4 of 40 took 30 ms
[10:00:05] step 5 of 40 took 8 ms
ok   pkg/a
ok   pkg/b
ok   pkg/c
ok   pkg/d
WARNING: cache is stale
Traceback (most recent call last):
  File "main.py", line 3, in <module>
    run()
KeyError: 'token'

plain line
waiting
waiting
waiting
--- FAIL: TestLogin (0.01s)
    login_test.go:12: got 401, want 200
1
2
3
4
5
6
7
===== 1 failed, 4 passed in 4.20s =====
"""

FOLDED = """\
[folded of 622 chars, 34 lines; exit 1]
Collecting requests
Downloading 100%
[10:00:01] step 1 of 40 took 12 ms
… 3 more like this …
[10:00:05] step 5 of 40 took 8 ms
ok   pkg/a
… 2 more like this …
ok   pkg/d
WARNING: cache is stale
Traceback (most recent call last):
  File "main.py", line 3, in <module>
    run()
KeyError: 'token'
plain line
waiting (×3)
--- FAIL: TestLogin (0.01s)
    login_test.go:12: got 401, want 200
1
2
3
4
5
6
7
===== 1 failed, 4 passed in 4.20s ====="""  # noqa: RUF001


def test_a_test_run_folds_to_what_a_reader_looks_for(source_of):
    assert compress(source_of("log", TEST_RUN)).text == FOLDED


def test_quality_is_the_share_of_the_text_that_stands_in_the_form(source_of):
    unlike = compress(source_of("log", "alpha beta\ngamma delta\n"))
    alike = compress(
        source_of("log", "".join(f"line {n} is like the others\n" for n in range(100, 300)))
    )
    assert unlike.quality == 970
    # The first, the last, and the last eight lines, of two hundred.
    assert alike.quality == 48


def test_hexadecimal_ids_do_not_tell_like_lines_apart(source_of):
    ids = ("a3f09", "0x7ffe", "9be1c", "b04d1", "77", "c9e")
    text = "".join(f"worker {name} is idle\n" for name in ids) + "the end\n" * 8
    assert "… 4 more like this …" in compress(source_of("log", text)).text


def test_an_overwritten_progress_line_that_carried_an_error_is_kept(source_of):
    form = compress(source_of("log", "10%\r20% error: disk is full\r30%\n"))
    assert form.text.splitlines()[1:] == ["20% error: disk is full", "30%"]


def test_a_test_that_passed_is_no_error_whatever_it_is_called():
    assert not carries_error("--- PASS: TestErrorIsReported (0.00s)")
    assert carries_error("--- FAIL: TestAddition (0.00s)")
    assert carries_error("npm ERR! missing script")
    assert carries_error("java.lang.NullPointerException")


def test_a_reminder_that_the_harness_hung_on_is_cut_to_its_start(source_of):
    text = (
        "done\n\n<system-reminder>\n" + "Consider this carefully. " * 40 + "\n</system-reminder>\n"
    )
    lines = compress(source_of("log", text)).text.splitlines()
    assert lines[1] == "done"
    assert lines[2].startswith("<system-reminder> Consider this carefully.")
    assert len(lines[2]) < 130


ERROR_LINES = st.sampled_from(
    [
        "error: no such file",
        "  E   assert 1 == 2",
        "Warning: deprecated",
        "FATAL panic",
        "it failed 3 times",
    ]
)
PLAIN_LINES = st.sampled_from(
    ["", "ok  pkg", "step 1", "step 2", "step 3", "building", "\tindented"]
)


@given(st.lists(ERROR_LINES | PLAIN_LINES, max_size=60))
def test_no_line_that_carries_an_error_is_lost(lines):
    form = compress(Source("\n".join(lines), ContentKind.LOG))
    errors = {line.rstrip() for line in lines if carries_error(line)}
    for error in errors:
        assert form is not None
        assert any(line.startswith(error) for line in form.text.splitlines())
