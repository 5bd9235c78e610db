"""The gate as a pytest fixture; pytest finds it by itself where clawvm is installed.

``docs/gate.md`` is for its users. Whatever is heavy is imported when the fixture is used.
Nothing in here asserts, and pytest warns of a plugin that it comes too late to rewrite; hence:
PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike

import pytest

__all__ = ["clawvm_gate"]

_SECTION = "clawvm gate"
_UPDATE = "--clawvm-gate-update"
_INI_DEFAULTS = {
    "clawvm_gate_budget": ("32k", "clawvm gate: most that a prompt may cost, in tokens"),
    "clawvm_gate_policy": ("clawvm", "clawvm gate: the residency policy"),
    "clawvm_gate_baseline": ("gate.json", "clawvm gate: the baseline, from the root folder"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini options and the command's option."""
    parser.addini(
        "clawvm_gate_traces",
        "clawvm gate: recorded sessions, files or folders, from the root folder",
        type="args",
    )
    for name, (default, text) in _INI_DEFAULTS.items():
        parser.addini(name, text, default=default)
    parser.getgroup("clawvm").addoption(
        _UPDATE,
        action="store_true",
        help="record the baselines of clawvm_gate anew instead of comparing",
    )


@pytest.fixture
def clawvm_gate(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Callable[..., None]:
    """Return a function that holds recorded sessions to a baseline, and fails the test if need be.

    Its arguments are files and folders, those of ``clawvm_gate_traces`` by default, and by name
    ``budget``, ``policy`` and ``baseline``, which go before the ini options. Relative paths start
    at pytest's root folder.
    """
    config = request.config

    def gate(
        *traces: str | PathLike[str],
        budget: str | None = None,
        policy: str | None = None,
        baseline: str | PathLike[str] | None = None,
    ) -> None:
        from .cli.console import parse_budget
        from .errors import ClawVMError
        from .replay.gate import as_text, run_gate

        try:
            verdict = run_gate(
                [config.rootpath / path for path in traces or config.getini("clawvm_gate_traces")],
                config.rootpath / (baseline or config.getini("clawvm_gate_baseline")),
                policy=policy or config.getini("clawvm_gate_policy"),
                budget=parse_budget(budget or config.getini("clawvm_gate_budget")),
                update=config.getoption(_UPDATE),
            )
        except ClawVMError as error:
            pytest.fail(_with_our_option(f"clawvm gate: {error}"), pytrace=False)
        text = _with_our_option(as_text(verdict))
        if not verdict.passed:
            pytest.fail(text, pytrace=False)
        # Properties of a report reach the terminal from other processes too.
        record_property(_SECTION, text)

    return gate


def _with_our_option(advice: str) -> str:
    """Name pytest's option where the advice names that of the command."""
    return advice.replace("--update", _UPDATE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the gates of tests that passed had to say."""
    texts = [
        (report.nodeid, text)
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == _SECTION
    ]
    if texts:
        terminalreporter.section(_SECTION)
    for nodeid, text in texts:
        terminalreporter.write_line(f"{nodeid}\n{text}")
