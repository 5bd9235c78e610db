"""Files of format 1 that were written once and are read for ever.

They were made by ``python tests/snapshot/test_golden.py`` and are never made again: a change that
does not read them is a new format.
"""

from __future__ import annotations

import struct
from pathlib import Path

import lz4.block
import pytest
from snapshot_states import tiny_session

from clawvm.snapshot import Decoded, Encoded, Kind, apply, decode, encode
from clawvm.snapshot.header import HEADER_BYTES, PLAIN

DATA = Path(__file__).parents[1] / "data"
OPERATIONS = [
    {"page": "plan", "field": "steps", "op": "append", "value": "test é", "big": 1 << 70},
    {"page": "plan", "field": "note", "op": "set", "value": "long " * 20, "version": 3},
]


def golden(core) -> dict[str, Encoded]:
    """Every golden file by its name."""
    session = tiny_session(core)
    snapshot = encode(Kind.SNAPSHOT, session.whole())
    session.settle()
    session.change(1, chars=80)
    session.archive(2)
    delta = session.settle()
    return {
        "snapshot": snapshot,
        "delta": encode(Kind.DELTA, delta, base=snapshot.digest),
        "record": encode(Kind.RECORD, delta, OPERATIONS, {"principal": "user", "at": 1.5}),
    }


def payload_of(data: bytes) -> bytes:
    """The payload alone: another version of lz4 may compress it to other bytes."""
    stored, raw = struct.unpack_from("<II", data, 24)
    flags = data[15]
    assert stored == len(data) - HEADER_BYTES
    if flags & PLAIN:
        return data[HEADER_BYTES:]
    return lz4.block.decompress(data[HEADER_BYTES:], uncompressed_size=raw)


def read(name: str) -> bytes:
    return (DATA / f"snapshot-1-{name}.clawvm").read_bytes()


@pytest.mark.parametrize("name", ["snapshot", "delta", "record"])
def test_a_golden_file_is_what_is_written_today(core, name):
    written = golden(core)[name]
    assert payload_of(written.data) == payload_of(read(name))
    assert decode(read(name)).digest == written.digest


def test_the_golden_snapshot_is_read(core):
    decoded = decode(read("snapshot"))
    assert decoded.kind is Kind.SNAPSHOT
    assert decoded.delta == tiny_session(core).whole()
    assert "\ud83d" in decoded.delta.pages[0].texts[1]


def test_the_golden_delta_fits_the_golden_snapshot(core):
    base, delta = decode(read("snapshot")), decode(read("delta"))
    assert delta.base == base.digest
    session = tiny_session(core)
    session.change(1, chars=80)
    session.archive(2)
    assert apply(base.delta, delta.delta) == session.whole()


def test_the_golden_record_is_read():
    decoded: Decoded = decode(read("record"))
    assert decoded.operations == OPERATIONS
    assert decoded.meta == {"principal": "user", "at": 1.5}
    assert decoded.delta == decode(read("delta")).delta


def test_a_golden_file_makes_a_page_table_on_both_back_ends(core):
    state = decode(read("snapshot")).delta
    ids = [state.pages[slot].id for slot in state.slots]
    table = core.PageTable.restore(state.table, state.slots, state.records, ids)
    table.check()
    assert table.dump(state.slots) == tiny_session(core).table.dump(state.slots)


if __name__ == "__main__":
    from clawvm import _core, _reference

    files, twins = golden(_core), golden(_reference)
    assert files == twins
    for name, encoded in files.items():
        with open(DATA / f"snapshot-1-{name}.clawvm", "xb") as file:
            file.write(encoded.data)
