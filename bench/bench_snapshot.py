"""Snapshots: what is on top of lz4 itself, and what a turn's record costs.

The session has 1,000 pages with 2 MB of text, half of them tool exchanges with two parts, three
levels each, and a message for each page. The payload is compared with lz4 alone on the same bytes:
many rounds of each step in a row, and the best of each, in time of the process. lz4 is then at its
fastest, with the payload in the cache and its output in memory that it has had before.

The goal was 2 times lz4. Measured are 1.92 to 2.2 times, on a machine whose two cores others keep
busy: lz4 4.0 + 0.6 ms, encode 6.1 to 7.2 ms, decode 2.8 to 3.2 ms; more where they are busy with
memory. That is what is left, mostly: 2 MB of texts copied once on each side, 36,500 values of pages
read and 38,000 blocks of memory taken. The four steps turn about cost more than in a row: each then
finds the caches and the memory as another one left them.

What the figures do not show: dropping what was decoded, and text that lz4 finds less in. On text
that it takes longer for, what is on top of it weighs less.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time_ns

import lz4.block
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from snapshot_states import SmallSession

from clawvm._backend import core
from clawvm.snapshot import Decoded, Encoded, Kind, StateDelta, decode, encode
from clawvm.snapshot.header import HEADER_BYTES, read_header

PAGES = 1_000
TEXT_CHARS = 2_000
ROUNDS = 40
# The limit leaves room for other Pythons and loud hosts.
OVER_LZ4_MOST = 2.5
CHANGED_PAGES = 5
DELTA_SHARE_MOST = 0.01


@pytest.fixture(scope="module")
def session() -> SmallSession:
    made = SmallSession(core)
    for _ in range(PAGES):
        made.add(TEXT_CHARS)
    return made


@pytest.fixture(scope="module")
def state(session: SmallSession) -> StateDelta:
    return session.whole()


def payload_of(encoded: Encoded) -> bytes:
    """Return what was compressed."""
    raw = read_header(encoded.data, len(encoded.data)).raw_bytes
    payload: bytes = lz4.block.decompress(encoded.data[HEADER_BYTES:], uncompressed_size=raw)
    return payload


def time_of(step: Callable[[], object]) -> int:
    """Return what a step takes in ns, without that of dropping what it returns."""
    begin = process_time_ns()
    made = step()
    taken = process_time_ns() - begin
    del made
    return taken


def test_encode(benchmark: BenchmarkFixture, state: StateDelta) -> None:
    encoded: Encoded = benchmark(encode, Kind.SNAPSHOT, state)
    assert decode(encoded.data).delta == state


def test_decode(benchmark: BenchmarkFixture, state: StateDelta) -> None:
    data = encode(Kind.SNAPSHOT, state).data
    decoded: Decoded = benchmark(decode, data)
    assert decoded.delta == state


def test_restore_a_page_table(benchmark: BenchmarkFixture, state: StateDelta) -> None:
    ids = [page.id for page in state.pages.values()]

    def restore() -> core.PageTable:
        return core.PageTable.restore(state.table, state.slots, state.records, ids)

    assert benchmark(restore).dump(state.slots) == state.records


def turn_of_two_pages() -> StateDelta:
    """Return what a turn changed that two pages came in."""
    session = SmallSession(core)
    for _ in range(PAGES):
        session.add(TEXT_CHARS)
    session.settle()
    session.add(TEXT_CHARS)
    session.add(TEXT_CHARS)
    return session.settle()


def test_encode_a_turn_of_two_pages(benchmark: BenchmarkFixture) -> None:
    encoded: Encoded = benchmark(encode, Kind.RECORD, turn_of_two_pages(), external=True)
    print(f"\na turn of two pages: {len(encoded.data)} bytes, and two contents of a store")
    assert len(encoded.contents) == 2


def test_decode_a_turn_of_two_pages(benchmark: BenchmarkFixture) -> None:
    encoded = encode(Kind.RECORD, turn_of_two_pages(), external=True)
    contents = [text.encode() for text in encoded.content_texts]
    decoded: Decoded = benchmark(decode, encoded.data, contents)
    assert decoded.content_texts == encoded.content_texts


def test_encode_and_decode_against_lz4_alone(state: StateDelta) -> None:
    encoded = encode(Kind.SNAPSHOT, state)
    payload = payload_of(encoded)
    stored = lz4.block.compress(payload, store_size=False)
    steps: dict[str, Callable[[], object]] = {
        "compress": lambda: lz4.block.compress(payload, store_size=False),
        "decompress": lambda: lz4.block.decompress(stored, uncompressed_size=len(payload)),
        "encode": lambda: encode(Kind.SNAPSHOT, state),
        "decode": lambda: decode(encoded.data),
    }
    best = {name: min(time_of(step) for _ in range(ROUNDS)) for name, step in steps.items()}
    lz4_ns = best["compress"] + best["decompress"]
    ratio = (best["encode"] + best["decode"]) / lz4_ns
    figures = ", ".join(f"{name} {taken / 1e6:.2f} ms" for name, taken in best.items())
    print(f"\n{len(payload):,} bytes, {len(stored):,} compressed: {figures}; {ratio:.2f} times lz4")
    assert ratio <= OVER_LZ4_MOST


def test_a_delta_has_the_size_of_what_changed(session: SmallSession, state: StateDelta) -> None:
    whole = encode(Kind.SNAPSHOT, state)
    session.settle()
    for slot in range(0, PAGES, PAGES // CHANGED_PAGES):
        session.change(slot, TEXT_CHARS)
    changed_bytes = CHANGED_PAGES * TEXT_CHARS
    delta = encode(Kind.DELTA, session.settle(), base=whole.digest)
    print(
        f"\n{CHANGED_PAGES} of {PAGES} pages changed: {len(delta.data):,} bytes, "
        f"{len(delta.data) / len(whole.data):.2%} of {len(whole.data):,}"
    )
    assert len(delta.data) <= DELTA_SHARE_MOST * len(whole.data) + changed_bytes
