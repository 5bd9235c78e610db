"""Groups of objects as MessagePack: one array for each field.

What stands in a column, and which values are in order, is told by a `Column`. The compiled core
goes by the same; what it finds out of order, and what is unusual, it leaves to this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from ..errors import SnapshotInvalid
from .trees import TEXT_CHARS_MIN, is_plain
from .validate import shown

__all__ = [
    "BOOLEAN",
    "INTEGER",
    "NUMBER",
    "REFERENCE",
    "STRING",
    "TABLE",
    "Column",
    "pack_columns",
    "unpack_columns",
]

INTEGER: Final = 0
"""A whole number from `low` to `high`."""
BOOLEAN: Final = 1
"""True or False."""
TABLE: Final = 2
"""One of the values of `table`; its place in it is what is written."""
STRING: Final = 3
"""A text, as it is."""
NUMBER: Final = 4
"""A text; its number is what is written, or 0 for None if `low` is 0."""
REFERENCE: Final = 5
"""A text, as it is or its number if it is long; nil for None if `low` is 0."""

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class Column(NamedTuple):
    """What a column holds.

    Parameters
    ----------
    name : str
        What names it in an error.
    kind : int
        One of the constants of this module.
    low, high : int, optional
        Least and largest number.
    table : tuple, optional
        The values that there are.
    in_tuples : bool, optional
        Whether a value is a tuple, of as many values as the group's objects have parts.
    """

    name: str
    kind: int
    low: int = _LEAST
    high: int = _MOST
    table: tuple[Any, ...] = ()
    in_tuples: bool = False


def pack_columns(
    payload: bytearray,
    groups: Iterable[tuple[int, Sequence[Sequence[Any]]]],
    kinds: Sequence[Column],
    numbers: dict[str, int],
    where: str,
) -> None:
    """Add groups of columns to the payload.

    Parameters
    ----------
    payload : bytearray
        Where they are added.
    groups : iterable of (int, sequence of sequences)
        For each group the number of parts that its objects have, and its columns.
    kinds : sequence of Column
        What the columns hold, in order.
    numbers : dict of str to int
        The numbers of the texts so far; a text that is not in it gets the next one.
    where : str
        What they belong to, for an error.

    Raises
    ------
    SnapshotInvalid
        When a value is not what its column holds.
    """
    from msgspec import msgpack

    written: list[list[Any]] = []
    for parts, columns in groups:
        group: list[Any] = [parts]
        for values, kind in zip(columns, kinds, strict=True):
            if kind.in_tuples:
                if any(type(one) is not tuple or len(one) != parts for one in values):
                    raise SnapshotInvalid(f"{where}: {kind.name} are {parts} for each page")
                values = list(chain.from_iterable(values))
            group.append([_written(value, kind, numbers, where) for value in values])
        written.append(group)
    payload += msgpack.encode(written)


def _written(value: Any, kind: Column, numbers: dict[str, int], where: str) -> Any:
    """Return what stands for a value, if it is in order."""
    if kind.kind == INTEGER:
        if isinstance(value, int) and max(kind.low, _LEAST) <= value <= min(kind.high, _MOST):
            return int(value)
    elif kind.kind == BOOLEAN:
        if isinstance(value, bool):
            return value
    elif kind.kind == TABLE:
        if value in kind.table:
            return kind.table.index(value)
    elif value is None:
        if kind.low == 0 and kind.kind != STRING:
            return 0 if kind.kind == NUMBER else None
    elif isinstance(value, str):
        text = str.__str__(value)
        if kind.kind == NUMBER or (
            kind.kind == REFERENCE and not (len(text) < TEXT_CHARS_MIN and is_plain(text))
        ):
            return numbers.setdefault(text, len(numbers) + 1)
        if is_plain(text):
            return text
    raise SnapshotInvalid(
        f"{where}: {shown(value)} is none of what {kind.name} may be{_range(kind)}"
    )


def _range(kind: Column) -> str:
    if kind.kind == INTEGER:
        return f": whole numbers from {max(kind.low, _LEAST)} to {min(kind.high, _MOST)}"
    if kind.kind == STRING:
        return ": texts that UTF-8 can write"
    return ""


def unpack_columns(
    data: Any, kinds: Sequence[Column], texts: Sequence[str | None], where: str
) -> list[tuple[int, list[list[Any]]]]:
    """Return groups of columns, texts and values of tables in their places.

    Parameters
    ----------
    data : bytes or memoryview
        What `pack_columns` wrote.
    kinds : sequence of Column
        What the columns hold, in order.
    texts : sequence of (str or None)
        By number, those that the columns refer to; the first has no number and is None.
    where : str
        What names the columns in an error.

    Returns
    -------
    list of (int, list of lists)
        For each group the number of parts that its objects have, and its columns. Where there are
        no parts, a column in tuples has none, whatever the number of objects.

    Raises
    ------
    SnapshotInvalid
        When a value is not what its column holds.
    """
    import msgspec

    try:
        groups = msgspec.msgpack.decode(data, type=list[list[Any]])
    except (msgspec.MsgspecError, RecursionError, ValueError, TypeError) as error:
        raise SnapshotInvalid(f"section {where} is damaged: {error}") from error
    found: list[tuple[int, list[list[Any]]]] = []
    for group in groups:
        if len(group) != len(kinds) + 1 or type(group[0]) is not int or group[0] < 0:
            raise _damaged(where, f"its groups have {len(kinds)} columns and a number of parts")
        parts, *columns = group
        found.append(
            (
                parts,
                [
                    _column(values, kind, parts, texts, where)
                    for values, kind in zip(columns, kinds, strict=True)
                ],
            )
        )
    return found


def _column(
    values: Any, kind: Column, parts: int, texts: Sequence[str | None], where: str
) -> list[Any]:
    if type(values) is not list:
        raise _damaged(where, f"{kind.name} are no list")
    column = [_read(value, kind, texts, where) for value in values]
    if not kind.in_tuples:
        return column
    if len(column) % parts if parts else column:
        raise _damaged(where, f"{kind.name} are {parts} for each page, found {len(column)}")
    return list(zip(*[iter(column)] * parts, strict=True))


def _read(value: Any, kind: Column, texts: Sequence[str | None], where: str) -> Any:
    """Return the value that something written stands for."""
    of_type = type(value)
    if kind.kind == INTEGER:
        if of_type is int and max(kind.low, _LEAST) <= value <= min(kind.high, _MOST):
            return value
    elif kind.kind == BOOLEAN:
        if of_type is bool:
            return value
    elif kind.kind == TABLE:
        if of_type is int and 0 <= value < len(kind.table):
            return kind.table[value]
    elif kind.kind == NUMBER:
        if of_type is int and kind.low <= value < len(texts):
            return texts[value]
    elif of_type is str or (value is None and kind.kind == REFERENCE and not kind.low):
        return value
    elif kind.kind == REFERENCE and of_type is int and 0 < value < len(texts):
        return texts[value]
    raise _damaged(
        where,
        f"{shown(value)} is none of what {kind.name} may be{_range(kind)} "
        f"(there are {len(texts) - 1} texts)",
    )


def _damaged(where: str, what: str) -> SnapshotInvalid:
    return SnapshotInvalid(f"section {where} is damaged: {what}")
