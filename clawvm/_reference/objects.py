"""Objects with slots by the columns of their fields, and dicts by the columns of their values."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any, TypeVar

__all__ = ["get_slots", "join_dicts", "make_objects", "split_dicts"]

_T = TypeVar("_T")


def get_slots(objects: Sequence[object], kind: type, names: Sequence[str]) -> list[list[Any]]:
    """Return the values of each named slot of the objects, which are of that kind."""
    return [list(map(attrgetter(name), objects)) for name in names]


def make_objects(
    kind: type[_T], names: Sequence[str], columns: Sequence[Sequence[Any]]
) -> list[_T]:
    """Return objects whose slots hold what the columns say, as many as the longest has values.

    Their constructors are not called: it is the caller's part to give every slot a value.

    Raises
    ------
    ValueError
        When the columns differ in length.
    """
    count = len(columns[0])
    if {count} != set(map(len, columns)) or len(names) != len(columns):
        raise ValueError(f"the columns of a {kind.__name__} differ in length")
    made = list(map(object.__new__, repeat(kind, count)))
    for name, column in zip(names, columns, strict=True):
        deque(map(vars(kind)[name].__set__, made, column), maxlen=0)
    return made


def split_dicts(
    dicts: Sequence[dict[Any, Any]], keys: Sequence[tuple[Any, ...] | None]
) -> tuple[list[int], list[Any]]:
    """Return for each dict the place of its keys among `keys`, and the values of all in turn.

    Raises
    ------
    ValueError
        When the keys of one, in their order, are not among them.
    """
    places = {known: place for place, known in enumerate(keys) if known is not None}
    try:
        found = [places[tuple(one)] for one in dicts]
    except KeyError as error:
        raise ValueError(f"keys that are not known: {error}") from None
    return found, [value for one in dicts for value in one.values()]


def join_dicts(
    places: Sequence[int], values: Sequence[Any], keys: Sequence[tuple[Any, ...] | None]
) -> list[dict[Any, Any]]:
    """Return the dicts of `split_dicts`.

    Raises
    ------
    ValueError
        When there are more or fewer values than keys, or a place has none.
    """
    known = [keys[place] for place in places]
    if None in known or sum(len(one) for one in known if one is not None) != len(values):
        raise ValueError("dicts have as many values as keys")
    rest = iter(values)
    # zip asks for a key first, so it takes no value too many.
    return [dict(zip(one or (), rest, strict=False)) for one in known]
