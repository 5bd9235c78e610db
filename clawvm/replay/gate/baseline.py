"""The baseline file: what was measured, and what it was measured with, a session a line."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from ... import __version__
from ...errors import BaselineInvalid
from .figures import Tolerance, check_tolerances

__all__ = ["Baseline", "MadeWith", "SessionRecord", "read_baseline", "write_baseline"]

_FORMAT = "clawvm-gate"
_VERSION = 1
_ENCODER = msgspec.json.Encoder(order="deterministic")
_RECORD_ANEW = "take the file from your version control, or delete it and record anew with --update"


class MadeWith(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What decides the figures beside the sessions.

    Parameters
    ----------
    clawvm : str
        Its version. Another one is no reason to refuse a comparison: it is one to compare.
    core : str
        ``compiled`` or ``reference``; they decide alike and count their work differently.
    policy : str
        The residency policy.
    budget_tokens : int
        Most that a prompt may cost, in tokens.
    tokens : str
        The token counter.
    """

    clawvm: str
    core: str
    policy: str
    budget_tokens: int
    tokens: str


class SessionRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured of one session.

    Parameters
    ----------
    file : str
        The trace file, as seen from the baseline's folder, with forward slashes.
    session : str
        The session's name in its file. No two of a baseline have the same file and name.
    sha256 : str
        Digest of the file's bytes.
    requests, spans : int
        How much there was to measure.
    figures : dict
        Whole numbers by name.
    """

    file: str
    session: str
    sha256: str
    requests: int
    spans: int
    figures: dict[str, int]

    @property
    def key(self) -> tuple[str, str]:
        """What tells the session from all others."""
        return self.file, self.session


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recorded run of the gate.

    Parameters
    ----------
    made_with : MadeWith
        What it was recorded with.
    tolerances : dict
        By figure or group of figures: how much worse it may get.
    sessions : list of SessionRecord
        Sorted by file and name.
    """

    made_with: MadeWith
    tolerances: dict[str, Tolerance]
    sessions: list[SessionRecord]
    format: str = _FORMAT
    version: int = _VERSION


class _Head(msgspec.Struct):
    format: str
    version: int


def read_baseline(path: Path) -> Baseline:
    """Read a baseline file.

    Raises
    ------
    BaselineInvalid
        When it is missing, damaged, of a newer format, or edited into something it cannot be.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise BaselineInvalid(
            f"{path}: there is no baseline; record one with --update, look at it and commit it"
        ) from error
    except OSError as error:
        raise BaselineInvalid(
            f"{path}: cannot be read ({error.strerror}); expected a baseline file"
        ) from error
    try:
        head = msgspec.json.decode(raw, type=_Head)
        if head.format == _FORMAT and head.version > _VERSION:
            raise BaselineInvalid(
                f"{path}: has format version {head.version}, clawvm {__version__} reads up to "
                f"{_VERSION}; install the clawvm that recorded it, or a newer one"
            )
        baseline = msgspec.json.decode(raw, type=Baseline)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BaselineInvalid(f"{path}: is no baseline ({error}); {_RECORD_ANEW}") from error
    try:
        _check(baseline)
    except BaselineInvalid as error:
        raise BaselineInvalid(f"{path}: {error}") from error
    return baseline


def _check(baseline: Baseline) -> None:
    if (baseline.format, baseline.version) != (_FORMAT, _VERSION):
        raise BaselineInvalid(
            f"expected format {_FORMAT!r} in version {_VERSION}, found {baseline.format!r} in "
            f"version {baseline.version}; {_RECORD_ANEW}"
        )
    seen: set[tuple[str, str]] = set()
    for session in baseline.sessions:
        if session.key in seen:
            raise BaselineInvalid(
                f"{session.session} of {session.file} is recorded twice (a merge that kept both "
                "lines?); delete the line that is not yours"
            )
        seen.add(session.key)
    check_tolerances(
        baseline.tolerances, {name for session in baseline.sessions for name in session.figures}
    )


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Put a baseline in the place of another, or of none; whoever reads sees one of them whole.

    Raises
    ------
    BaselineInvalid
        When it cannot be written.
    """
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(_encoded(baseline))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BaselineInvalid(
            f"{path}: cannot be written ({error.strerror}); mend that and run again with --update"
        ) from error


def _encoded(baseline: Baseline) -> bytes:
    """Return the file: the same baseline gives the same bytes."""
    encode = _ENCODER.encode
    return b"".join(
        (
            b'{"format":%b,"version":%d,\n' % (encode(baseline.format), baseline.version),
            b'"made_with":%b,\n' % encode(baseline.made_with),
            b'"tolerances":%b,\n' % encode(baseline.tolerances),
            b'"sessions":[\n%b\n]}\n' % b",\n".join(map(encode, baseline.sessions)),
        )
    )
