"""The one place that decides which core runs: the compiled one or its pure twin.

``CLAWVM_NO_EXTENSIONS=1`` in the environment asks for the twin. An installation made with that
variable set carries the file ``_pure_build`` and runs the twin as well. In every other case a
compiled core that cannot be imported is an error: nothing falls back silently.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from .errors import CompiledCoreMissing

__all__ = ["backend", "core"]

Backend = Literal["compiled", "reference"]


def _load() -> Backend:
    if os.environ.get("CLAWVM_NO_EXTENSIONS", "") not in ("", "0"):
        return "reference"
    try:
        from . import _core  # noqa: F401
    except ImportError as error:
        if os.path.exists(os.path.join(os.path.dirname(__file__), "_pure_build")):
            return "reference"
        raise CompiledCoreMissing(
            f"the compiled core clawvm._core cannot be imported ({error}); reinstall clawvm with a "
            "C compiler at hand, or set CLAWVM_NO_EXTENSIONS=1 to run on the pure Python twin"
        ) from error
    return "compiled"


backend: Backend = _load()

if TYPE_CHECKING or backend == "compiled":
    from . import _core as core
else:
    from . import _reference as core
