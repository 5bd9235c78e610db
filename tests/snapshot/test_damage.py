"""Damaged, cut, foreign and crafted containers: a typed error each, and no memory wasted."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import hypothesis.strategies as st
import lz4.block
import msgspec
import pytest
import xxhash
from hypothesis import given

from clawvm.errors import SnapshotInvalid
from clawvm.snapshot import Kind, decode, encode
from clawvm.snapshot.header import HEADER_BYTES, MAGIC
from clawvm.snapshot.sections import TAGS

GOLDEN = Path(__file__).parents[1] / "data" / "snapshot-1-snapshot.clawvm"
RECORD = encode(Kind.RECORD, None, [{"op": "append", "value": "é"}], {"by": "test"}).data


def with_checksum(header: bytes) -> bytes:
    """A header with the checksum that it should have."""
    return header[:-8] + xxhash.xxh3_64_intdigest(header[:-8]).to_bytes(8, "little")


def changed(data: bytes, offset: int, code: str, value: int) -> bytes:
    """A container with one number of its header replaced, and its checksum mended."""
    header = bytearray(data[:HEADER_BYTES])
    struct.pack_into("<" + code, header, offset, value)
    return with_checksum(bytes(header)) + data[HEADER_BYTES:]


def crafted(payload: bytes, **counts: int) -> bytes:
    """A container of any payload, with every checksum right."""
    stored = lz4.block.compress(payload, store_size=False)
    fields = struct.pack(
        "<8sHHHBBHHIIIII16sQ",
        *(MAGIC, 1, 0, HEADER_BYTES, counts.get("kind", 3), 0, 88, 0),
        *(counts.get("records", 0), len(stored), counts.get("raw", len(payload))),
        *(counts.get("texts", 0), counts.get("contents", 0)),
        *(xxhash.xxh3_128_digest(payload), xxhash.xxh3_64_intdigest(stored)),
    )
    return with_checksum(fields + bytes(8)) + stored


def section(tag: str, data: bytes, size: int | None = None) -> bytes:
    return struct.pack("<4sI", tag.encode(), len(data) if size is None else size) + data


def packed(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def test_every_flipped_bit_of_a_file_is_found():
    data = GOLDEN.read_bytes()
    for place in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            with pytest.raises(SnapshotInvalid):
                decode(bytes(damaged))


def test_every_truncation_of_a_file_is_found():
    data = GOLDEN.read_bytes()
    for size in range(len(data)):
        with pytest.raises(SnapshotInvalid):
            decode(data[:size])


def test_whatever_is_added_to_a_file_is_found():
    data = GOLDEN.read_bytes()
    for more in (b"\0", b"\n", data):
        with pytest.raises(SnapshotInvalid, match="it was cut off, or something was added"):
            decode(data + more)


HEADERS = [
    (RECORD[:71], "a header of 72 bytes, found 71 bytes in all"),
    (b"", "found 0 bytes in all"),
    (b"PK\3\4" + RECORD[4:], "starts with .* found .*; it is something else"),
    (RECORD.replace(b"\r\n", b"\n", 1) + b"\0", "copied as text"),
    (changed(RECORD, 12, "H", 71), "has 72 to 4096 bytes, found a length of 71"),
    (changed(RECORD, 12, "H", 65535), "found a length of 65535"),
    (RECORD[:20] + b"\x09" + RECORD[21:], "header does not match its checksum"),
    (changed(RECORD, 8, "H", 2), r"format 2.0 and this version of clawvm reads 1.x"),
    (changed(RECORD, 15, "B", 3), "sets bits that format 1.0 keeps at zero"),
    (changed(RECORD, 18, "H", 1), "sets bits that format 1.0 keeps at zero"),
    (changed(RECORD, 14, "B", 4), "kind 1 to 3 with records of 88 bytes, found kind 4"),
    (changed(RECORD, 16, "H", 96), "found kind 3 with records of 96"),
    (changed(RECORD, 24, "I", 0xFFFFFFFF), "should have 4294967367 bytes"),
    (changed(RECORD, 28, "I", 0xFFFFFFFF), "holds at most 1073741824 bytes before compression"),
    (changed(RECORD, 28, "I", 1 << 30), "cannot hold 1073741824 bytes"),
    (changed(RECORD, 20, "I", 0xFFFFFFFF), "cannot hold 4294967295 records"),
    (changed(RECORD, 32, "I", 0xFFFFFFFF), "and 4294967295 texts"),
    (changed(RECORD, 36, "I", 1), "0 texts, 1 of them elsewhere"),
    (changed(RECORD, 40, "Q", 1), "payload does not match its digest"),
    (changed(RECORD, 56, "Q", 1), "payload does not match its checksum"),
]


@pytest.mark.parametrize(("data", "sentence"), HEADERS)
def test_a_header_out_of_order_is_refused_with_a_sentence(data, sentence):
    with pytest.raises(SnapshotInvalid, match=sentence):
        decode(data)


def test_a_later_minor_version_is_read_and_its_own_sections_passed_over():
    payload = section("OPER", packed(["a"])) + section("new!", b"x")
    later = changed(crafted(payload), 10, "H", 1)
    assert decode(later).operations == ["a"]
    with pytest.raises(SnapshotInvalid, match="section b'new!', which is not known"):
        decode(crafted(payload))


def test_a_payload_of_another_size_than_the_header_says_is_refused():
    payload = section("OPER", packed(["a" * 60]))
    for raw in (len(payload) - 1, len(payload) + 1):
        with pytest.raises(SnapshotInvalid, match=r"no lz4 block|should have"):
            decode(crafted(payload, raw=raw))


SMALL_TABLE = packed(["s", 0, 1, 0, 0, [], [], []])
PAGE_FIELDS = 30

PAYLOADS = [
    (section("OPER", b"\x91", size=500), {}, "should have 500 bytes and 1 are left"),
    (b"OPER", {}, "last 4 bytes are no section"),
    (section("META", b"\x90") + section("OPER", b"\x90"), {}, "twice or out of its order"),
    (section("OPER", b"\x90") * 2, {}, "twice or out of its order"),
    (section("OPER", b"\xdd\xff\xff\xff\xff"), {}, "section OPER is damaged"),
    (section("OPER", b"\xdf\xff\xff\xff\xff"), {}, "section OPER is damaged"),
    (section("OPER", b"\xdb\xff\xff\xff\xff"), {}, "section OPER is damaged"),
    (section("OPER", b"\xc6\xff\xff\xff\xff"), {}, "section OPER is damaged"),
    (
        section("OPER", b"\x91" * 100_000),
        {},
        "section OPER is damaged: (maximum recursion|Stack overflow)",
    ),
    (section("OPER", b"\x91\xd6\xff\x00\x00\x00\x01"), {}, "a datetime is no JSON"),
    (section("OPER", b"\x91\xc4\x01a"), {}, "a bytes is no JSON"),
    (section("OPER", b"\x91\xd4\x01\x31"), {}, "list index out of range"),
    (section("OPER", b"\x91\xd4\x01\x30"), {}, "extension 1 of 1 bytes is not known"),
    (section("OPER", b"\x91\xd4\x01\x2d"), {}, "section OPER is damaged"),
    (section("OPER", b"\x91\xd4\x05\x30"), {}, "extension 5 of 1 bytes is not known"),
    (section("OPER", b"\x91\xc7\x02\x03\x91\xc0"), {}, "section OPER is damaged"),
    (section("OPER", packed({"a": 1})), {}, "Expected `array`, got `object`"),
    (section("META", packed(["b", 1, "a", 2])), {}, "a name without a value, or twice"),
    (section("META", packed(["a"])), {}, "a name without a value, or twice"),
    (section("META", packed([1, 2])), {}, "1 is no text"),
    (section("PAGE", b"\x90"), {}, "no section b'TABL'"),
    (section("OPER", b"\x90"), {"records": 0, "texts": 5}, "0 texts, 0 of them elsewhere"),
    (section("TABL", packed([])), {}, "section TABL is damaged"),
    (section("TABL", packed(["s", 0, 1, 0, 0, [], [], [], 9])), {}, "section TABL is damaged"),
    (section("TABL", packed(["s", -1, 1, 0, 0, [], [], []])), {}, "section TABL is damaged"),
    (section("TABL", packed(["s", 0, 1, 0, 1 << 30, [0, 1 << 30], [], []])), {}, "at most 1048576"),
    (section("TABL", packed(["s", 0, 1, 0, 9, [0, 1 << 60], [], []])), {}, "the free list: its"),
    (section("TABL", packed(["s", 0, 1, 0, 9, [0], [], []])), {}, "the free list: its numbers"),
    (section("TABL", packed(["s", 0, 1, 0, 9, [5, 5], [], []])), {}, "the free list: its numbers"),
    (
        section("TABL", packed(["s", 0, 1, 0, 9, [5, 2, 5, 1], [], []])),
        {},
        "each named once|each once",
    ),
    (
        section("TABL", packed(["s", 0, 1, 0, 9, [], [0, 1 << 40], []])),
        {},
        "TABL 1099511627776 slots",
    ),
    (section("TABL", packed([7, 0, 1, 0, 0, [], [], []])), {}, "7 is no text, nor one of 0"),
    (
        section("TABL", SMALL_TABLE) + section("PAGE", packed([[0] * PAGE_FIELDS])),
        {},
        "section PAGE is damaged",
    ),
    (
        section("TABL", SMALL_TABLE) + section("ROWS", packed([[0, 1 << 50], [None]])),
        {},
        "one of the sections ROWS and MSGS",
    ),
    (
        section("TABL", SMALL_TABLE)
        + section("ROWS", packed([[0, 1 << 50], [None]]))
        + section("MSGS", packed([None])),
        {},
        "1125899906842624 positions, 1 messages",
    ),
    (
        section("TABL", SMALL_TABLE)
        + section("ROWS", packed([[0, 1], [[[0, 0]]]]))
        + section("MSGS", packed([None])),
        {},
        "message 0 has no owners, or they have no message",
    ),
    (
        section("TABL", SMALL_TABLE)
        + section("ROWS", packed([[0, 1], [[]]]))
        + section("MSGS", packed(["text"])),
        {},
        "a message is no dict",
    ),
    (
        section("TABL", SMALL_TABLE)
        + section("ROWS", packed([[0, 1, 0, 1], [None, None]]))
        + section("MSGS", packed([None, None])),
        {},
        "positions stand twice",
    ),
    (section("TABL", SMALL_TABLE), {"kind": 2}, "names its base by 16 bytes"),
    (section("BASE", b"x") + section("TABL", SMALL_TABLE), {"kind": 2}, "its base by 16 bytes"),
    (section("TEXT", packed(["a"])), {"texts": 2}, "has 1 texts"),
    (section("TEXT", packed([None])), {"texts": 1}, "1 of them elsewhere; the header"),
    (section("TEXT", packed([7])), {"texts": 1}, "something that is no text"),
    (
        section("TEXT", packed([b"\xff"])),
        {"texts": 1},
        "a text of the snapshot is no UTF-8",
    ),
]


@pytest.mark.parametrize(("payload", "counts", "sentence"), PAYLOADS)
def test_a_crafted_payload_is_refused_and_takes_little_memory(payload, counts, sentence):
    data = crafted(payload, **counts)
    decode(RECORD)  # whatever is imported at the first time
    tracemalloc.start()
    try:
        with pytest.raises(SnapshotInvalid, match=sentence):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("offset", [20, 24, 28, 32, 36])
@pytest.mark.parametrize("value", [1 << 20, 1 << 30, 0xFFFFFFFF])
def test_a_huge_count_takes_no_memory(offset, value):
    data = changed(GOLDEN.read_bytes(), offset, "I", value)
    decode(RECORD)
    tracemalloc.start()
    try:
        with pytest.raises(SnapshotInvalid):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@given(data=st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    with pytest.raises(SnapshotInvalid):
        decode(data)


@given(
    tags=st.lists(st.sampled_from(TAGS), unique=True, max_size=4),
    data=st.lists(st.binary(max_size=30), min_size=4, max_size=4),
    kind=st.integers(1, 3),
)
def test_random_sections_are_refused_or_read(tags, data, kind):
    ordered = sorted(tags, key=TAGS.index)
    payload = b"".join(
        section(tag.decode(), bytes_) for tag, bytes_ in zip(ordered, data, strict=False)
    )
    try:
        decoded = decode(crafted(payload, kind=kind))
    except SnapshotInvalid:
        return
    assert decoded.kind == kind


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_mutated_payload_with_right_checksums_is_refused_or_read(place, value):
    """Whoever can mend the checksums can change the state; nothing worse than that may happen."""
    data = GOLDEN.read_bytes()
    _, _, raw = struct.unpack_from("<III", data, 20)
    payload = bytearray(lz4.block.decompress(data[HEADER_BYTES:], uncompressed_size=raw))
    payload[place % len(payload)] = value
    records, _, _, texts = struct.unpack_from("<IIII", data, 20)
    try:
        decoded = decode(crafted(bytes(payload), kind=1, records=records, texts=texts))
    except SnapshotInvalid:
        return
    assert decoded.delta is not None
