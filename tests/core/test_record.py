"""The packed record: layout, dtype, copies, memory."""

from __future__ import annotations

import numpy as np

from clawvm._reference import layout


def test_the_record_has_88_bytes_and_no_hole():
    dtype = layout.record_dtype()
    assert dtype.itemsize == layout.RECORD_BYTES == 88
    assert {name: dtype.fields[name][1] for name in dtype.names} == layout.record_offsets()
    assert sum(dtype[name].itemsize for name in dtype.names) == 88
    assert dtype.isalignedstruct is False
    assert all(offset % 8 == 0 for offset in (dtype.fields["heat"][1], dtype.itemsize))


def test_both_back_ends_have_the_same_dtype_and_constants(backends):
    compiled, reference = backends
    assert compiled.record_dtype() == reference.record_dtype()
    names = [name for name in reference.__all__ if name.isupper()]
    assert len(names) == 7
    for name in names:
        assert getattr(compiled, name) == getattr(reference, name)


def test_records_are_the_live_ones_in_slot_order(table, put):
    for name in "abc":
        put(table, name, turn=ord(name))
    table.remove(1)
    records = table.records()
    assert records.dtype == layout.record_dtype()
    assert records["last_turn"].tolist() == [ord("a"), ord("c")]


def test_records_of_an_empty_table_are_none(table):
    assert table.records().shape == (0,)


def test_records_are_a_copy(table, put):
    slot = put(table, "a")
    table.records()["heat"] = 5
    assert table.record(slot)["heat"] == 0
    table.check()


def test_a_record_says_the_same_as_records(table, put):
    slot = put(table, "é", digest=bytes(range(16)), turn=7, pin=2)
    record, row = table.record(slot), table.records()[0]
    assert list(record) == list(row.dtype.names)
    for name, value in record.items():
        assert np.array_equal(np.asarray(value), np.asarray(row[name]).astype(object)), name
    assert record["digest"] == (0x0001020304050607, 0x08090A0B0C0D0E0F)
    assert record["id_length"] == 2


def test_a_page_takes_at_most_128_bytes(backends, put):
    table = backends[0].PageTable()
    for number in range(100_000):
        put(table, f"page:{number:015d}")
    assert table.nbytes / 100_000 <= 128
    assert table.nbytes / 100_000 >= 88 + 20 + 4


def test_the_twin_reports_what_it_holds(table, put):
    before = table.nbytes
    for number in range(100):
        put(table, f"page {number}")
    assert table.nbytes > before
