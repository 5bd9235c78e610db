"""Objects by the columns of their slots, dicts by the columns of their values."""

from __future__ import annotations

import gc
from dataclasses import dataclass

import pytest


@dataclass(slots=True)
class Pair:
    """Two slots."""

    first: object
    second: object


@dataclass(frozen=True, slots=True)
class Frozen:
    """One slot, that cannot be set again; its constructor is never called."""

    value: object

    def __post_init__(self) -> None:
        raise AssertionError("the constructor was called")


class Open:
    """No slots."""

    def __init__(self, first: object) -> None:
        self.first = first


KEYS = (None, ("a",), ("a", "b"), ())


def test_slots_are_read_by_name_in_the_order_asked_for(core):
    objects = [Pair(1, "a"), Pair(2, "b")]
    assert core.get_slots(objects, Pair, ("second", "first")) == [["a", "b"], [1, 2]]
    assert core.get_slots([], Pair, ("first",)) == [[]]


def test_a_subclass_and_an_object_without_slots_are_read_as_well(core):
    class More(Pair):
        __slots__ = ("third",)

    objects = [Pair(1, 2), More(3, 4)]
    assert core.get_slots(objects, Pair, ("first",)) == [[1, 3]]
    assert core.get_slots([Open(5)], Pair, ("first",)) == [[5]]


def test_a_slot_without_a_value_is_an_error(core):
    objects = [Pair(1, 2)]
    del objects[0].second
    with pytest.raises(AttributeError):
        core.get_slots(objects, Pair, ("first", "second"))


def test_objects_are_made_without_their_constructor(core):
    made = core.make_objects(Frozen, ("value",), [[["a list"], 7]])
    assert [type(one) for one in made] == [Frozen, Frozen]
    assert [one.value for one in made] == [["a list"], 7]


def test_made_objects_equal_those_that_were_read(core):
    objects = [Pair(number, str(number)) for number in range(300, 400)]
    columns = core.get_slots(objects, Pair, ("first", "second"))
    assert core.make_objects(Pair, ("first", "second"), columns) == objects


def test_the_garbage_collector_finds_what_may_hold_other_objects(core):
    (holder,) = core.make_objects(Frozen, ("value",), [[["a list"]]])
    pairs = core.make_objects(Pair, ("first", "second"), [[1], [2]])
    (joined,) = core.join_dicts([1], [7], KEYS)
    joined["a"] = joined
    assert all(map(gc.is_tracked, [holder, *pairs, joined]))


def test_columns_of_different_length_make_no_objects(core):
    for columns in ([[1, 2], [3]], [[1], [2], [3]]):
        with pytest.raises(ValueError, match="the columns of a Pair differ in length"):
            core.make_objects(Pair, ("first", "second"), columns)


def test_dicts_are_split_into_keys_and_values_and_joined_again(core):
    dicts = [{"a": 1, "b": None}, {"a": 2}, {}, {"a": 3}]
    places, values = core.split_dicts(dicts, KEYS)
    assert (places, values) == ([2, 1, 3, 1], [1, None, 2, 3])
    assert core.join_dicts(places, values, KEYS) == dicts


def test_a_dict_is_split_by_equal_keys_too(core):
    assert core.split_dicts([{"".join(("a", "b")): 1}], (("ab",),)) == ([0], [1])


@pytest.mark.parametrize("one", [{"b": 1, "a": 2}, {"b": 1}, {"a": 1, "c": 2}])
def test_a_dict_of_other_keys_or_another_order_is_refused(core, one):
    with pytest.raises(ValueError, match="keys that are not known"):
        core.split_dicts([{"a": 1}, one], KEYS)


@pytest.mark.parametrize(
    ("places", "values"), [([1], []), ([1], [1, 2]), ([0], []), ([2], [1]), ([1, 2], [1, 2])]
)
def test_dicts_with_more_or_fewer_values_than_keys_are_not_joined(core, places, values):
    with pytest.raises(ValueError, match="dicts have as many values as keys"):
        core.join_dicts(places, values, KEYS)
