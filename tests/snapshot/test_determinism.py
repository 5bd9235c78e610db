"""The same state gives the same bytes: on both back ends, in any process, whatever the seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from snapshot_states import SmallSession

from clawvm import _backend, _reference
from clawvm.snapshot import Kind, encode

SUPPORT = Path(__file__).parents[1] / "support"

PROGRAM = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from snapshot_states import busy_session
from clawvm._backend import core
from clawvm.snapshot import Kind, encode
session = busy_session(core)
parts = encode(Kind.SNAPSHOT, session.whole(), external=True)
print(hashlib.sha256(parts.data + b"".join(parts.contents)).hexdigest())
"""


def digest_in_a_process(seed: str, no_extensions: str) -> str:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "CLAWVM_NO_EXTENSIONS": no_extensions,
        "PYTHONPATH": str(Path(_reference.__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, str(SUPPORT)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_hash_seeds_and_back_ends_do_not_matter():
    back_ends = ["1"] if _backend.backend == "reference" else ["0", "1"]
    digests = {
        digest_in_a_process(seed, back_end) for seed in ("0", "4242") for back_end in back_ends
    }
    assert len(digests) == 1


@pytest.mark.parametrize("kind", [Kind.SNAPSHOT, Kind.RECORD])
def test_two_sessions_of_one_history_are_written_alike(kind):
    first, second = SmallSession(seed=5), SmallSession(seed=5)
    for session in (first, second):
        for _ in range(20):
            session.add(chars=300)
        session.archive(4)
    assert encode(kind, first.whole()) == encode(kind, second.whole())


def test_a_state_has_a_digest_that_its_compression_does_not_change(monkeypatch):
    """Another version of lz4 may find other matches: a delta still finds its base."""
    import lz4.block

    session = SmallSession()
    for _ in range(20):
        session.add(chars=300)
    first = encode(Kind.SNAPSHOT, session.whole())
    compress = lz4.block.compress

    def tightly(data, store_size):
        return compress(data, store_size=store_size, mode="high_compression")

    monkeypatch.setattr(lz4.block, "compress", tightly)
    second = encode(Kind.SNAPSHOT, session.whole())
    assert first.data != second.data
    assert first.digest == second.digest
