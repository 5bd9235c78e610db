"""A session on a full disk; run as a program of its own, in a namespace where it may mount.

Usage: ``full_disk.py FOLDER``. A file system of 2 MiB is mounted there. The store is on it, and the
spool first elsewhere, then on it as well. What was told is printed as one object of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from traffic import Traffic

from clawvm.errors import SpoolFull
from clawvm.stores import open_store
from clawvm.writeback import delivery


def fill(folder: Path) -> Path:
    """Leave no room."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 9, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def main(folder: Path, elsewhere: Path) -> dict[str, Any]:
    delivery.BACKOFF_FIRST = 0.0
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)], check=True)
    url = f"sqlite:///{folder / 'agents.db'}"

    store = open_store(url)
    traffic = Traffic(store, elsewhere / "spool")
    traffic.turns(2)
    filler = fill(folder)
    outcomes = traffic.turns(4)
    down = str(traffic.session.journal.down)
    filler.unlink()
    traffic.until_drained()
    traffic.verify(url)

    both = Traffic(store, folder / "spool", "both")
    both.turns(2)
    filler = fill(folder)
    both.begin()
    refused, spool = [], ""
    for _ in range(3):
        try:
            both.session.boundary("turn")
        except SpoolFull as error:
            refused.append(type(error).__name__)
            spool = str(error)
    filler.unlink()
    both.until_drained()
    both.verify(url)
    store.close()
    return {"outcomes": outcomes, "store": down, "refused": refused, "spool": spool}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as elsewhere:
        print(json.dumps(main(Path(sys.argv[1]), Path(elsewhere))))
