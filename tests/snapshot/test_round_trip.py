"""What is written comes back equal: states, messages, operations, texts in a store."""

from __future__ import annotations

import math
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from snapshot_states import SmallSession

from clawvm.errors import SnapshotInvalid
from clawvm.pages import (
    CallInfo,
    Fidelity,
    Page,
    PageForm,
    PageType,
    Pin,
    Provenance,
    Scope,
)
from clawvm.snapshot import Encoded, Kind, RowState, StateDelta, decode, encode
from clawvm.stores import CONTENT_BYTES_MIN

# Lone surrogates are in what models write; a text may have any length around the limits.
TEXT = st.one_of(
    st.text(st.characters(), max_size=6),
    st.text(st.characters(), min_size=1, max_size=2).map(lambda text: text * 300),
    st.sampled_from(["", "\ud800", "a\udfff" * 40, "é" * 64, "x" * 63, "x" * 64, "x" * 512]),
)
TREE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(1 << 200), 1 << 200),
        st.floats(allow_nan=False),
        TEXT,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=6,
)
COUNT = st.integers(0, 1 << 40)
LEVELS = st.sets(st.sampled_from(list(Fidelity)[1:4])).map(lambda levels: [*levels, Fidelity.FULL])


@st.composite
def pages(draw, slot, page_id):
    parts = draw(st.integers(0, 3))
    ladder = {}
    for level in draw(LEVELS):
        texts = tuple(draw(st.one_of(st.none(), TEXT)) for _ in range(parts))
        ladder[level] = PageForm(texts, tuple(draw(COUNT) for _ in range(parts)), draw(COUNT))
    filled = TEXT.filter(bool)
    return Page(
        id=page_id,
        type=draw(st.sampled_from(PageType)),
        provenance=Provenance(draw(filled), draw(filled), draw(st.integers(-1, 1 << 40))),
        scope=draw(st.sampled_from(Scope)),
        pin=draw(st.sampled_from(Pin)),
        floor=draw(st.sampled_from(Fidelity)),
        texts=tuple(draw(TEXT) for _ in range(parts)),
        ladder=ladder,
        weight=draw(COUNT),
        recompute_cost=draw(COUNT),
        is_tool=draw(st.booleans()),
        label=draw(TEXT),
        version=draw(COUNT),
        slot=slot,
        position=draw(st.integers(-1, 99)),
        request=draw(COUNT),
        call=draw(
            st.one_of(st.none(), st.builds(CallInfo, st.none() | TEXT, TEXT, st.none() | TEXT))
        ),
        is_given=draw(st.booleans()),
        serial=draw(COUNT),
        inherited=draw(COUNT),
        granted_by=draw(TEXT),
    )


@st.composite
def deltas(draw):
    """Changes of any shape; a page's record is any 88 bytes, which are the page table's to read."""
    end = draw(st.integers(0, 8))
    slots = st.sets(st.integers(0, end - 1)) if end else st.just(set())
    free = draw(slots)
    changed = sorted(draw(slots) - free)
    ids = iter([f"page é {number}" for number in range(20)])
    in_pages = [slot for slot in changed if draw(st.booleans())]
    row_count = draw(st.integers(0, 30))
    rows = {}
    for position in sorted(draw(st.sets(st.integers(0, 30), max_size=5))):
        owners = st.lists(st.tuples(st.integers(-1, 50), st.integers(0, 5)), max_size=3)
        row = RowState(draw(st.dictionaries(TEXT, TREE, max_size=3)), tuple(draw(owners)))
        rows[position] = draw(st.sampled_from([None, row]))
    return StateDelta(
        session_id=draw(TEXT),
        table={
            "half_life": draw(COUNT),
            "clock": draw(COUNT),
            "end": end,
            "free": draw(st.permutations(sorted(free))),
        },
        slots=changed,
        records=draw(st.binary(min_size=88 * len(changed), max_size=88 * len(changed))),
        pages={slot: draw(pages(slot, next(ids))) for slot in in_pages},
        archived=[draw(pages(-1, next(ids))) for _ in range(draw(st.integers(0, 3)))],
        rows=rows,
        row_count=row_count,
        scalars=draw(st.dictionaries(TEXT, TREE, max_size=3)),
    )


def contents_of(encoded: Encoded) -> list[bytes]:
    """The contents as a store has them."""
    return [text.encode("utf-8", "surrogatepass") for text in encoded.content_texts]


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(delta=deltas(), operations=st.lists(TREE, max_size=3), meta=st.dictionaries(TEXT, TREE))
def test_a_record_comes_back_equal(delta, operations, meta):
    encoded = encode(Kind.RECORD, delta, operations, meta)
    decoded = decode(encoded.data)
    assert decoded.kind is Kind.RECORD
    assert (decoded.delta, decoded.operations, decoded.meta) == (delta, operations, meta)
    assert (decoded.content_texts, decoded.digest, decoded.base) == ([], encoded.digest, None)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(delta=deltas(), operations=st.lists(TREE, max_size=3))
def test_a_record_with_its_long_texts_in_a_store_comes_back_equal(delta, operations):
    encoded = encode(Kind.RECORD, delta, operations, external=True)
    contents = contents_of(encoded)
    assert encoded.contents == contents
    assert all(len(content) >= CONTENT_BYTES_MIN for content in contents)
    assert len(set(contents)) == len(contents)
    decoded = decode(encoded.data, contents)
    assert (decoded.delta, decoded.operations) == (delta, operations)
    assert decoded.content_texts == encoded.content_texts


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(delta=deltas())
def test_what_was_read_is_written_to_the_same_bytes(delta):
    encoded = encode(Kind.RECORD, delta)
    again = encode(Kind.RECORD, decode(encoded.data).delta)
    assert again == encoded


def test_a_record_of_operations_alone_comes_back(core):
    decoded = decode(encode(Kind.RECORD, None, [{"op": "append"}]).data)
    assert (decoded.delta, decoded.operations) == (None, [{"op": "append"}])


def test_a_whole_session_comes_back_equal(core):
    session = SmallSession(core)
    for _ in range(60):
        session.add(chars=700)
    for slot in (3, 40, 17, 4):
        session.archive(slot)
    session.change(9)
    state = session.whole()
    assert decode(encode(Kind.SNAPSHOT, state).data).delta == state


def test_a_restored_session_has_each_text_once(core):
    session = SmallSession(core)
    page = session.add()
    delta = decode(encode(Kind.SNAPSHOT, session.whole()).data).delta
    assert delta.rows[page.position].message["content"] is delta.pages[page.slot].texts[0]


def test_levels_come_back_cheapest_first_whatever_their_order(core):
    session = SmallSession(core)
    page = session.add()
    expected = encode(Kind.SNAPSHOT, session.whole())
    page.ladder = dict(reversed(page.ladder.items()))
    assert encode(Kind.SNAPSHOT, session.whole()) == expected
    assert list(decode(expected.data).delta.pages[0].ladder) == sorted(page.ladder)


def test_the_order_of_a_messages_keys_is_kept():
    row = RowState({"b": 1, "a": {"d": 2, "c": 3}}, ())
    delta = replace(empty(), rows={0: row}, row_count=1)
    message = decode(encode(Kind.RECORD, delta).data).delta.rows[0].message
    assert (list(message), list(message["a"])) == (["b", "a"], ["d", "c"])


def test_scalars_and_notes_are_in_the_order_of_their_names():
    delta = replace(empty(), scalars={"b": 1, "a": 2})
    decoded = decode(encode(Kind.RECORD, delta, meta={"y": 1, "x": 2}).data)
    assert (list(decoded.delta.scalars), list(decoded.meta)) == (["a", "b"], ["x", "y"])


def test_a_float_that_is_no_number_comes_back():
    operations = [math.inf, -math.inf, math.nan, -0.0]
    read = decode(encode(Kind.RECORD, None, operations).data).operations
    assert list(map(str, read)) == ["inf", "-inf", "nan", "-0.0"]


def test_a_value_of_a_subclass_comes_back_as_plain_json():
    class Name(str):
        __slots__ = ()

    operations = [{Name("key"): Name("value"), "level": Fidelity.FULL, "pair": (1, 2)}]
    read = decode(encode(Kind.RECORD, None, operations).data).operations
    assert read == [{"key": "value", "level": 4, "pair": [1, 2]}]
    assert type(read[0]["level"]) is int


def test_known_texts_are_named_by_their_ids(core):
    session = SmallSession(core)
    first, second = session.add(), session.add()
    encoded = encode(
        Kind.SNAPSHOT, session.whole(), external=True, known={second.texts[1]: 77, "other": 3}
    )
    assert encoded.contents == [first.texts[0].encode(), 77]
    assert encoded.content_texts == [first.texts[0], second.texts[1]]
    decoded = decode(encoded.data, contents_of(encoded))
    assert decoded.delta == session.whole()


def test_what_the_store_knows_does_not_change_the_record(core):
    session = SmallSession(core)
    page = session.add()
    plain = encode(Kind.SNAPSHOT, session.whole(), external=True)
    known = encode(Kind.SNAPSHOT, session.whole(), external=True, known={page.texts[0]: 5})
    assert plain.data == known.data


def test_a_short_text_stays_in_the_record_though_the_store_knows_it():
    text = "é" * 255
    encoded = encode(Kind.RECORD, None, [text], external=True, known={text: 5})
    assert encoded.contents == []
    assert decode(encoded.data).operations == [text]


def test_a_text_is_stored_once_however_often_it_is_referred_to():
    text = "0123456789abcdef" * 64
    once = encode(Kind.RECORD, None, [text])
    often = encode(Kind.RECORD, None, [text] * 100)
    assert len(often.data) < len(once.data) + 100


def test_other_contents_than_the_records_are_refused(core):
    session = SmallSession(core)
    session.add()
    session.add()
    encoded = encode(Kind.SNAPSHOT, session.whole(), external=True)
    first, second = contents_of(encoded)
    for contents in ([second, first], [first, second[:-1] + b"x"], [first[:-1], b"x" + second]):
        with pytest.raises(SnapshotInvalid, match="not those that the record was written with"):
            decode(encoded.data, contents)
    for contents in ([], [first], [first, second, second]):
        with pytest.raises(SnapshotInvalid, match=f"2 contents .* was given {len(contents)}"):
            decode(encoded.data, contents)


def test_contents_for_a_record_without_any_are_refused():
    with pytest.raises(SnapshotInvalid, match="refers to 0 contents"):
        decode(encode(Kind.RECORD, None, ["a"]).data, [b"a"])


def empty() -> StateDelta:
    return StateDelta("s", {"half_life": 32, "clock": 0, "end": 0, "free": []})


REFUSED = [
    ({"operations": [b"bytes"]}, r"operation 0: expected JSON .* found b'bytes'"),
    ({"operations": [1, {"a": {2: 3}}]}, "operation 1: a key of JSON is a text, found 2"),
    ({"operations": [1 << 40_000]}, "operation 0: a whole number takes 4096 bytes at most"),
    ({"meta": {"m": object()}}, "note 'm': expected JSON"),
    ({"delta": replace(empty(), scalars={"x": {1}})}, "scalar 'x': expected JSON"),
    (
        {"delta": replace(empty(), rows={4: RowState({"role": b""}, ())}, row_count=5)},
        "message 4: expected JSON",
    ),
    ({"base": bytes(16)}, "a delta, and nothing else, names its base"),
    ({"delta": replace(empty(), slots=[0])}, "slots are whole numbers below 0"),
    ({"delta": replace(empty(), records=bytes(88))}, "0 slots have records of 0 bytes, found 88"),
    ({"delta": replace(empty(), table={"end": 0})}, "a page table's meta has half_life, clock"),
    (
        {"delta": replace(empty(), table={**empty().table, "end": (1 << 20) + 1})},
        "at most 1048576 slots, found 1048577",
    ),
]


@pytest.mark.parametrize(("parts", "sentence"), REFUSED)
def test_what_cannot_be_read_back_is_not_written(parts, sentence):
    with pytest.raises(SnapshotInvalid, match=sentence):
        encode(Kind.RECORD, **{"delta": None, **parts})


@pytest.mark.parametrize("kind", [list, dict])
def test_a_tree_may_be_a_hundred_deep(kind):
    tree = "leaf"
    for _ in range(100):
        tree = [tree] if kind is list else {"k": tree}
    assert decode(encode(Kind.RECORD, None, [tree]).data).operations == [tree]
    with pytest.raises(SnapshotInvalid, match="operation 0: lists and dicts stand 100 deep"):
        encode(Kind.RECORD, None, [[tree]])


def page_of(session: SmallSession, **fields) -> StateDelta:
    session.pages[0] = replace(session.pages[0], **fields)
    return session.whole()


BROKEN = [
    ({"ladder": {}}, "without a full level"),
    ({"ladder": {Fidelity.NONE: PageForm((None,), (1,), 1)}}, "without a full level"),
    ({"texts": ("a", "b")}, "has 2 parts, and a form with 1 texts and 1 token counts"),
    ({"ladder": {Fidelity.FULL: PageForm((None,), (1, 2), 1000)}}, "has 1 parts, and a form"),
    ({"slot": 5}, "has slot 5 and stands at slot 0"),
    ({"weight": 1 << 70}, "session 's': "),
    ({"id": "\ud800"}, "session 's': "),
]


@pytest.mark.parametrize(("fields", "sentence"), BROKEN)
def test_a_page_out_of_order_is_not_written(core, fields, sentence):
    session = SmallSession(core)
    session.add()
    with pytest.raises(SnapshotInvalid, match=sentence):
        encode(Kind.SNAPSHOT, page_of(session, **fields))


def lacking(state: StateDelta, **fields) -> StateDelta:
    return replace(state, **fields)


def test_a_snapshot_in_which_something_is_missing_is_not_written(core):
    session = SmallSession(core)
    for _ in range(4):
        session.add()
    state = session.whole()
    message = state.rows[0].message
    stray = {**state.rows, 0: RowState(message, ((9, 0),))}
    twin = replace(state.pages[1], id=state.pages[0].id)
    cases = [
        ({"pages": {}}, "4 slots in use, and pages for 0"),
        ({"table": {**state.table, "end": 5}}, "4 slots in use and 0 free ones are not the 5"),
        ({"rows": {}}, "4 positions and messages at 0 of them"),
        ({"rows": stray}, "a message belongs to slot 9, which holds no page"),
        ({"pages": {**state.pages, 1: twin}}, "two pages have one id"),
        ({"archived": [replace(state.pages[1], slot=-1)]}, "two pages have one id"),
    ]
    for fields, sentence in cases:
        with pytest.raises(SnapshotInvalid, match=sentence):
            encode(Kind.SNAPSHOT, lacking(state, **fields))
    with pytest.raises(SnapshotInvalid, match="a snapshot has a state and no operations"):
        encode(Kind.SNAPSHOT, state, [1])
    with pytest.raises(SnapshotInvalid, match="no state and 0 operations"):
        encode(Kind.SNAPSHOT, None)
    with pytest.raises(SnapshotInvalid, match="names its base by 16 bytes"):
        encode(Kind.DELTA, state)
