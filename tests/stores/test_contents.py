"""Contents: stored once, compared byte for byte, and never shown to another tenant."""

from __future__ import annotations

import pytest
from store_harness import HOLDER, OTHER, PROJECT, SESSION, STRANGER, Place, fill, text

from clawvm.errors import ContentMissing, LimitExceeded
from clawvm.stores import Append, Lz4Codec, Space, Store, codec


class ConstantDigest(Lz4Codec):
    """Every text collides with every other."""

    name = "constant-digest"

    def digest(self, data: bytes) -> bytes:
        return b"\0" * 16


def append(store: Store, space: Space, *contents: bytes | int) -> tuple[int, ...]:
    """Append the next row of a space, taking the lease for it."""
    token = 0 if space == PROJECT else store.acquire(space, HOLDER, 30.0).token
    seq = store.load(space).last_seq + 1
    return store.append(Append(space, seq, b"record", contents, token)).wait()


def test_contents_come_back_in_the_order_asked_for(store: Store) -> None:
    ids = append(store, PROJECT, text(1), text(2), text(3))
    assert len(set(ids)) == 3
    backwards = list(reversed(ids))
    assert store.contents(PROJECT, [*backwards, ids[0]]) == [text(3), text(2), text(1), text(1)]
    assert store.contents(PROJECT, []) == []


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 40, b"ab" * 300_000])
def test_a_content_comes_back_byte_for_byte(store: Store, content: bytes) -> None:
    (number,) = append(store, PROJECT, content)
    assert store.contents(PROJECT, [number]) == [content]


def test_more_contents_than_one_statement_takes(store: Store) -> None:
    many = [text(number, 520) for number in range(1200)]
    ids = append(store, PROJECT, *many)
    assert store.contents(PROJECT, ids) == many
    assert append(store, PROJECT, *ids) == ids


@pytest.mark.parametrize("second", [SESSION, PROJECT, OTHER], ids=str)
def test_an_equal_text_of_one_tenant_is_stored_once(store: Store, second: Space) -> None:
    first = append(store, SESSION, text(1))
    assert append(store, second, text(1)) == first


def test_a_text_that_comes_twice_in_a_row_is_stored_once(store: Store) -> None:
    first, again, other = append(store, PROJECT, text(1), text(1), text(2))
    assert first == again != other


def test_rows_refer_to_earlier_contents_by_id(store: Store) -> None:
    first = append(store, PROJECT, text(1))
    second = append(store, PROJECT, text(2), *first)
    assert second[1:] == first
    assert store.load(PROJECT).rows[1].contents == second


def test_tenants_share_nothing(store: Store) -> None:
    (mine,) = append(store, SESSION, text(1))
    (theirs,) = append(store, STRANGER, text(1))
    assert mine != theirs
    with pytest.raises(ContentMissing, match=f"no content {theirs} for tenant 'acme'"):
        store.contents(SESSION, [mine, theirs])
    with pytest.raises(ContentMissing, match="for tenant 'globex'"):
        store.contents(STRANGER, [mine])


def test_a_row_cannot_refer_to_what_its_space_does_not(store: Store) -> None:
    (mine,) = append(store, SESSION, text(1))
    for space in (STRANGER, OTHER, PROJECT):
        with pytest.raises(ContentMissing, match=f"refers to no content {mine}"):
            append(store, space, mine)
    with pytest.raises(ContentMissing):
        append(store, SESSION, mine, 99_999)
    with pytest.raises(ContentMissing):
        append(store, SESSION, -mine)


def test_a_space_that_shares_a_text_can_refer_to_it_by_id(store: Store) -> None:
    append(store, SESSION, text(1))
    (shared,) = append(store, OTHER, text(1))
    assert append(store, OTHER, shared) == (shared,)


@pytest.mark.parametrize("number", [0, -1, 12345, 2**40])
def test_an_unknown_content_is_missing(store: Store, number: int) -> None:
    append(store, PROJECT, text(1))
    with pytest.raises(ContentMissing, match=f"no content {number} for tenant"):
        store.contents(PROJECT, [number])


def test_records_are_no_contents(store: Store) -> None:
    (content,) = append(store, PROJECT, text(1))
    found = 0
    for number in range(content + 5):
        try:
            store.contents(PROJECT, [number])
            found += 1
        except ContentMissing:
            continue
    assert found == 1


def test_texts_whose_digests_are_equal_stay_apart(place: Place) -> None:
    store = place.open(codec=ConstantDigest())
    ids = append(store, PROJECT, text(1), text(2), text(3), text(2))
    assert len(set(ids)) == 3
    assert ids[1] == ids[3]
    assert append(store, PROJECT, text(3)) == (ids[2],)
    assert store.contents(PROJECT, ids) == [text(1), text(2), text(3), text(2)]
    assert store.check() == []


def test_an_id_is_never_given_to_another_text(store: Store) -> None:
    fill(store, PROJECT, 3)
    old = [number for row in store.load(PROJECT).rows for number in row.contents]
    store.delete(PROJECT)
    fill(store, PROJECT, 3, first=1)
    new = [number for row in store.load(PROJECT).rows for number in row.contents]
    assert not set(old) & set(new)
    with pytest.raises(ContentMissing):
        store.contents(PROJECT, old)


def test_what_is_too_large_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "ITEM_BYTES_MAX", 1000)
    append(store, PROJECT, b"x" * 1000)
    with pytest.raises(LimitExceeded, match="has 1001 bytes, at most 1000 are stored"):
        append(store, PROJECT, b"x" * 1001)
    with pytest.raises(LimitExceeded):
        store.append(Append(PROJECT, 2, b"x" * 1001))
    assert store.load(PROJECT).last_seq == 1
