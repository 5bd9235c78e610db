"""What is at rest: compression, encryption, and opening with another codec."""

from __future__ import annotations

import secrets
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_harness import PROJECT, Place, SqlitePlace, fill, text

from clawvm.errors import StoreCorrupt, StoreInvalid
from clawvm.snapshot import Kind, encode
from clawvm.stores import Append, Codec, Lz4Codec
from clawvm.stores.encryption import AesGcmCodec

KEY = bytes(range(32))


class Renamed(Lz4Codec):
    name = "renamed"


class Wrong(Lz4Codec):
    def decode(self, data: bytes) -> bytes:
        return super().decode(data)[::-1]


@pytest.fixture(params=["lz4", "aes"])
def codec(request: pytest.FixtureRequest) -> Codec:
    return Lz4Codec() if request.param == "lz4" else AesGcmCodec(KEY)


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_decoding_undoes_encoding(data: bytes, times: int) -> None:
    for codec in (Lz4Codec(), AesGcmCodec(KEY)):
        assert codec.decode(codec.encode(data * times)) == data * times


def test_compression_saves_and_never_costs_more_than_a_byte() -> None:
    codec = Lz4Codec()
    assert len(codec.encode(text(1, 5000))) < 500
    for size in (0, 1, 63, 64, 512, 5000):
        assert len(codec.encode(secrets.token_bytes(size))) <= size + 1


def test_a_record_that_has_compressed_itself_is_not_compressed_again() -> None:
    notes = {f"note {number}": "a long note, " * 20 for number in range(100)}
    record = encode(Kind.RECORD, None, ["an operation"], notes).data
    assert Lz4Codec().encode(record) == b"\0" + record
    assert Lz4Codec().decode(b"\0" + record) == record


def test_the_default_form_is_the_same_at_every_call() -> None:
    assert Lz4Codec().encode(text(1)) == Lz4Codec().encode(text(1))


def test_the_default_form_is_kept_for_ever() -> None:
    assert Lz4Codec().decode(b"\0plain") == b"plain"
    packed = b"\x01" + struct.pack("<I", 100) + b"\x1fa\x01\x00\x4b\x50aaaaa"
    assert Lz4Codec().decode(packed) == b"a" * 100


@pytest.mark.parametrize("size", [2**32 - 1, 256 * 1024 * 1024 + 1, 100_000, 0])
def test_a_size_that_cannot_be_true_is_refused(size: int) -> None:
    packed = Lz4Codec().encode(b"a" * 5000)
    assert packed[0] == 1
    with pytest.raises(StoreCorrupt):
        Lz4Codec().decode(b"\x01" + struct.pack("<I", size) + packed[5:])


def test_damaged_bytes_are_decoded_to_something_or_refused() -> None:
    packed = Lz4Codec().encode(text(1))
    for place in range(len(packed)):
        for damaged in (packed[:place], packed[:place] + b"\xff" + packed[place + 1 :]):
            try:
                assert isinstance(Lz4Codec().decode(damaged), bytes)
            except StoreCorrupt:
                continue


def test_encrypted_bytes_show_nothing_and_are_never_the_same() -> None:
    codec = AesGcmCodec(KEY)
    first, second = codec.encode(text(1)), codec.encode(text(1))
    assert first != second
    assert b"line" not in first


def test_any_change_of_encrypted_bytes_is_found() -> None:
    codec = AesGcmCodec(KEY)
    packed = codec.encode(b"x" * 20)
    for place in range(len(packed)):
        damaged = bytearray(packed)
        damaged[place] ^= 1
        for bytes_ in (bytes(damaged), packed[:place]):
            with pytest.raises(StoreCorrupt):
                codec.decode(bytes_)


def test_digests_under_another_key_are_others() -> None:
    assert AesGcmCodec(KEY).digest(b"x") != AesGcmCodec(KEY[::-1]).digest(b"x")
    assert AesGcmCodec(KEY).digest(b"x") == AesGcmCodec(KEY).digest(b"x")
    assert AesGcmCodec(KEY).digest(b"x") != Lz4Codec().digest(b"x")


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 33, "x" * 32])
def test_what_is_no_key_is_refused(key: bytes) -> None:
    with pytest.raises(StoreInvalid, match="an AES key is 16, 24 or 32 bytes"):
        AesGcmCodec(key)


def test_a_codec_does_not_show_its_key() -> None:
    assert KEY.hex() not in repr(AesGcmCodec(KEY))
    assert repr(AesGcmCodec(KEY)) == "AesGcmCodec(key=...)"


def test_a_store_works_with_every_codec(place: Place, codec: Codec) -> None:
    store = place.open(codec=codec)
    fill(store, PROJECT, 3)
    store.append(Append(PROJECT, 4, b"record 4", [text(1), text(1)]))
    store.save_snapshot(Append(PROJECT, 2, b"snapshot", [text(9), text(9)]))
    stored = store.load(PROJECT)
    assert stored.snapshot is not None
    assert stored.snapshot.record == b"snapshot"
    assert [row.record for row in stored.rows] == [b"record 3", b"record 4"]
    (first, again) = stored.rows[1].contents
    assert first == again
    assert store.contents(PROJECT, stored.snapshot.contents) == [text(9), text(9)]
    assert store.check() == []


def test_the_same_row_counts_as_written_with_every_codec(place: Place, codec: Codec) -> None:
    store = place.open(codec=codec)
    row = Append(PROJECT, 1, b"record", [text(1), text(2)])
    assert store.append(row).wait() == store.append(row).wait()


def test_an_encrypted_file_shows_no_text(sqlite: SqlitePlace) -> None:
    store = sqlite.open(codec=AesGcmCodec(KEY))
    store.append(Append(PROJECT, 1, b"a secret record of the harness", [b"secret " * 100]))
    store.close()
    assert b"secret" not in sqlite.path.read_bytes()


@pytest.mark.parametrize(
    ("made", "opened", "message"),
    [
        (Lz4Codec(), Renamed(), "was made with the codec 'lz4' and is opened with 'renamed'"),
        (Lz4Codec(), AesGcmCodec(KEY), "was made with the codec 'lz4'"),
        (AesGcmCodec(KEY), Lz4Codec(), "was made with the codec 'aes-gcm"),
        (AesGcmCodec(KEY), AesGcmCodec(KEY[::-1]), "open it with its key"),
        (Lz4Codec(), Wrong(), "open the store with the codec that made it"),
    ],
)
def test_another_codec_or_key_is_refused_and_nothing_is_touched(
    sqlite: SqlitePlace, made: Codec, opened: Codec, message: str
) -> None:
    store = sqlite.open(codec=made)
    fill(store, PROJECT, 1)
    store.close()
    before = sqlite.path.read_bytes()
    with pytest.raises(StoreInvalid, match=message):
        sqlite.open(codec=opened)
    assert sqlite.path.read_bytes() == before
    assert sqlite.open(codec=made).load(PROJECT).last_seq == 1
