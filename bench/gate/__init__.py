"""The gate: whether a change makes the benchmarked work dearer, told from counts, not from clocks.

``python -m bench.gate BASE HEAD`` builds both revisions, counts the instructions of each workload
of `bench.workloads` in both under callgrind, and judges. `docs/performance.md` says what each layer
shows and what it cannot.
"""
