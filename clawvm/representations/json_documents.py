"""JSON: minified; if that is not enough, keys said once; if that is not enough, long arrays cut."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache
from typing import NoReturn

from .forms import Form, Source
from .output import Output, unwrap
from .text import clean, finish

__all__ = ["Number", "compress", "minify", "parse", "unpack"]

_TOKENS = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
_quote = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DEPTH_MAX = 100
_ENOUGH = 0.6
_SHAPE_USES = 3
_SHAPES_MAX = 26
_ITEMS_SHOWN = 4
_ITEMS_CUT_AT = 8
_STRING_SHOWN = 200
_STRING_CUT_AT = 400


class Number(str):
    """A number as it stands in the document, so that no digit of it is lost."""

    __slots__ = ()


class _NotJSONError(ValueError):
    """The text is no JSON, or none that every reader reads alike."""


def compress(source: Source) -> Form | None:
    """Reduce a JSON document, losing as little as the size asks for.

    White space goes first: that is lossless, every number and string stays byte for byte. Where
    more than 60 % of the text is left, objects that share their keys are written as ``A(value,
    ...)`` with the keys of ``A`` said once, still lossless. Where that is more than 60 % too, long
    arrays are cut to their first items and a count, and long strings to their start.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form or None
        ``None`` where the text is not JSON (duplicate keys, ``NaN``, nesting beyond 100 levels
        included): it is then to be treated as text.
    """
    output = unwrap(source.text)
    document = unpack(output)
    if document is None:
        return None
    minified, values = document
    form = finish("minified JSON", source, minified, 0.97, status=output.status)
    if len(minified) <= _ENOUGH * len(source.text):
        return form
    keyed, share = _Writer(values, cut=False).text()
    if len(keyed) > _ENOUGH * len(source.text):
        shorter, shorter_share = _Writer(values, cut=True).text()
        if shorter_share < 1 and len(shorter) < 0.9 * len(keyed):
            return finish("JSON, cut", source, shorter, 0.8 * shorter_share, status=output.status)
    if len(keyed) < 0.8 * len(minified):
        return finish("JSON, keys said once,", source, keyed, 0.8 * share, status=output.status)
    return form


@lru_cache(maxsize=2)
def unpack(output: Output) -> tuple[str, list[object]] | None:
    """Minified text and values of a JSON document or of JSON Lines; ``None`` for any other text."""
    body = output.body.strip()
    if output.note or not body.startswith(("{", "[")) or clean(body) != body:
        return None
    try:
        return minify(body), [parse(body)]
    except _NotJSONError:
        pass
    lines = [line for line in body.split("\n") if line.strip()]
    if len(lines) < 2 or not lines[0].rstrip().endswith(("}", "]")):
        return None
    try:
        values = [parse(line) for line in lines]
    except _NotJSONError:
        return None
    return "\n".join(map(minify, lines)), values


def parse(text: str) -> object:
    """Parse strictly: numbers as :class:`Number`, no duplicate keys, no ``NaN``, bounded depth.

    Raises
    ------
    ValueError
        Where the text is anything else.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise _NotJSONError(str(error)) from error
    if _depth(value) > _DEPTH_MAX:
        raise _NotJSONError(f"nested deeper than {_DEPTH_MAX} levels")
    return value


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _NotJSONError("duplicate key")
    return value


def _no_constant(name: str) -> NoReturn:
    raise _NotJSONError(f"{name} is not JSON")


def _depth(value: object) -> int:
    """Depth of nesting, level by level: the call stack is no measure of a document."""
    level = [value]
    depth = 0
    while level := [child for node in level for child in _children(node)]:
        depth += 1
        if depth > _DEPTH_MAX:
            break
    return depth


def _children(node: object) -> list[object]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in children if isinstance(child, dict | list)]


def minify(text: str) -> str:
    """Drop the white space between tokens; strings and numbers stay byte for byte."""
    parts = _TOKENS.split(text)
    parts[::2] = ["".join(part.split()) for part in parts[::2]]
    return "".join(parts)


class _Writer:
    """Writes values with the keys of like objects said once, and cut if asked."""

    def __init__(self, values: list[object], *, cut: bool) -> None:
        self._values = values
        self._cut = cut
        self._leaves = 0
        self._leaves_cut = 0
        self._shapes = self._find_shapes()

    def text(self) -> tuple[str, float]:
        """Return the text, and the share of leaves that stand in it whole."""
        body = "\n".join(map(self._write, self._values))
        legend = [f"{name}={_quote(keys)}" for keys, name in self._shapes.items()]
        leaves = max(1, self._leaves)
        return "\n".join([*legend, body]), (leaves - self._leaves_cut) / leaves

    def _find_shapes(self) -> dict[tuple[str, ...], str]:
        uses: Counter[tuple[str, ...]] = Counter()
        stack: list[object] = list(reversed(self._values))
        while stack:
            node = stack.pop()
            if isinstance(node, dict):
                uses[tuple(node)] += 1
                stack += reversed(node.values())
            elif isinstance(node, list):
                stack += reversed(node)
        shapes = [keys for keys, count in uses.items() if keys and count >= _SHAPE_USES]
        return {keys: chr(65 + index) for index, keys in enumerate(shapes[:_SHAPES_MAX])}

    def _write(self, value: object) -> str:
        if isinstance(value, dict):
            return self._write_object(value)
        if isinstance(value, list):
            return self._write_array(value)
        self._leaves += 1
        if isinstance(value, Number):
            return str(value)
        if isinstance(value, str) and self._cut and len(value) > _STRING_CUT_AT:
            self._leaves_cut += 1
            return f"{_quote(value[:_STRING_SHOWN])}…(+{len(value) - _STRING_SHOWN} chars)"
        return _quote(value)

    def _write_object(self, value: dict[str, object]) -> str:
        name = self._shapes.get(tuple(value))
        if name is not None:
            return f"{name}({','.join(map(self._write, value.values()))})"
        return (
            "{"
            + ",".join(f"{_quote(key)}:{self._write(item)}" for key, item in value.items())
            + "}"
        )

    def _write_array(self, value: list[object]) -> str:
        shown = value
        if self._cut and len(value) > _ITEMS_CUT_AT and _alike(value):
            shown = value[:_ITEMS_SHOWN]
            hidden = sum(map(_leaf_count, value[_ITEMS_SHOWN:]))
            self._leaves += hidden
            self._leaves_cut += hidden
        if all(type(item) is Number for item in shown):
            self._leaves += len(shown)
            items = [str(item) for item in shown]
        else:
            items = [self._write(item) for item in shown]
        if shown is not value:
            items.append(f"…+{len(value) - len(shown)} more")
        return f"[{','.join(items)}]"


def _alike(items: list[object]) -> bool:
    first = _shape_of(items[0])
    return all(_shape_of(item) == first for item in items)


def _shape_of(value: object) -> object:
    return tuple(value) if isinstance(value, dict) else type(value)


def _leaf_count(value: object) -> int:
    count = 0
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack += node.values()
        elif isinstance(node, list):
            stack += node
        else:
            count += 1
    return count
