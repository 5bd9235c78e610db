"""Makes `bench` importable; last on the path, so that an installed clawvm stays the one tested."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
