"""Runs under callgrind: sets one workload up, and has only its rounds counted.

    python region.py NAME FOLDER

`NAME` is a workload of the `bench.workloads` that the path leads to first, `FOLDER` holds the
compiled `callgrind_region`.
"""

from __future__ import annotations

import gc
import importlib
import sys


def main(name: str, folder: str) -> None:
    """Count a workload's rounds."""
    workload = importlib.import_module("bench.workloads").WORKLOADS[name]()
    sys.path.append(folder)
    region = importlib.import_module("callgrind_region")
    workload.prepare()
    workload.run()  # caches and free lists are filled: what is counted is the steady state
    # A collection more or less, for an object more or less somewhere else, is no finding.
    gc.collect()
    gc.disable()
    region.begin()
    for _ in range(workload.rounds):
        workload.prepare()
        region.collect(workload.run)
    region.end()


main(*sys.argv[1:])
