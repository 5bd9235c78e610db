"""The end of the process as a boundary: sessions that are still open are committed."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from weakref import WeakSet

from ..errors import ClawVMError
from .boundaries import BoundaryKind

if TYPE_CHECKING:
    from .lifecycle import KeptMemory

__all__ = ["commit_on_signals", "watch"]

_open: WeakSet[KeptMemory] = WeakSet()
_OURS = str(Path(__file__).parents[1])
# A signal that arrives within an operation waits for its end, for a second at most.
_RETRY_SECONDS = 0.005
_RETRIES_MAX = 200


def watch(session: KeptMemory) -> None:
    """Commit `session` at the end of the process, unless it has been closed before."""
    if not _open:
        atexit.unregister(_commit_all)
        atexit.register(_commit_all)
    _open.add(session)


def commit_on_signals(*signals: signal.Signals) -> None:
    """Have open sessions committed when one of these signals arrives, then die of it as before.

    Python ends at SIGTERM without running anything; a server that is stopped by it calls this once,
    from its main thread. What had been installed for the signal before is called afterwards.

    Parameters
    ----------
    *signals : signal.Signals
        By default SIGTERM.

    Raises
    ------
    ValueError
        When it is not called in the main thread.
    """
    for number in signals or (signal.SIGTERM,):
        _Handler(number)


def _commit_all() -> None:
    for session in list(_open):
        if session.closed:
            continue
        try:
            session.boundary(BoundaryKind.EXIT)
            session.wait()
        except ClawVMError as error:
            # Nobody is left to catch it, and the other sessions are still to be saved.
            print(f"clawvm: session {session.session_id!r} was not saved: {error}", file=sys.stderr)
        session.release()


class _Handler:
    """Handles one signal: commits, then does what was done before."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number
        self._retries = 0
        self._before = signal.signal(number, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if _is_within(frame) and self._retries < _RETRIES_MAX:
            self._retries += 1
            again = threading.Timer(_RETRY_SECONDS, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            return
        _commit_all()
        if callable(self._before):
            self._before(number, frame)
        elif self._before is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def _is_within(frame: FrameType | None) -> bool:
    """Whether the signal interrupted one of our own operations, which must not be nested."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_OURS):
            return True
        frame = frame.f_back
    return False
