"""The structured form: typed fields, a line each, enough to know what the page was about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from . import diffs, json_documents, logs, prose, search_results, source_code
from .forms import ContentKind, Form, Source
from .json_documents import Number
from .output import Output, unwrap
from .text import clip, error_lines, finish, first_sentence, listed, sentences

__all__ = ["structure"]

_ARGUMENTS_MAX = 6
_ARGUMENT_CHARS = 100
_LIST_CHARS = 480
_LINE_CHARS = 200
_KEYS_MAX = 24
_VALUE_CHARS = 60


def structure(source: Source) -> Form:
    """Make the structured form: tool, arguments, status, first error, and fields by kind.

    By kind: top-level keys with their types (JSON), names defined (code), files with added and
    removed lines (diffs), paths with their hits (search), headings (prose), the first sentence
    (chat), first error and last line (output).

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form
        Quality 80 (120 with an error line), for these fields find a page again and quote little.
    """
    output = unwrap(source.text)
    fields = [*_origin(source), *_error(source, output), *_BY_KIND[source.kind](source, output)]
    has_error = source.is_error or any(field.startswith("error: ") for field in fields)
    return finish(
        "fields", source, "\n".join(fields), 0.12 if has_error else 0.08, status=output.status
    )


def _origin(source: Source) -> list[str]:
    """Who said it or which call returned it, on one line, and the file that it shows."""
    if source.call_shown:
        return []
    arguments: Mapping[str, object] = source.arguments or {}
    shown = [
        f"{clip(str(name), 40)}={_argument(value)}"
        for name, value in list(arguments.items())[:_ARGUMENTS_MAX]
        if value != source.path
    ]
    called = f"({', '.join(shown)})" if shown else ""
    if source.tool or shown:
        fields = [f"tool: {clip(source.tool or '?', 60)}{called}"]
    else:
        fields = [f"role: {clip(source.role, 60)}"] if source.role else []
    return [*fields, f"path: {clip(source.path, _LINE_CHARS)}"] if source.path else fields


def _argument(value: object) -> str:
    if isinstance(value, str):
        return clip(value, _ARGUMENT_CHARS)
    if isinstance(value, Mapping | list | tuple):
        # Cut long values before they are written: an argument may hold a whole file.
        return clip(_summary(value), _ARGUMENT_CHARS)
    return clip(json.dumps(value, default=type_name), _ARGUMENT_CHARS)


def type_name(value: object) -> str:
    """Name of a value's type: what can be said of a value of no JSON type."""
    return type(value).__name__


def _error(source: Source, output: Output) -> list[str]:
    if not source.is_error and source.kind is not ContentKind.LOG:
        return []
    lines = logs.plain_lines(output.body)
    found = error_lines(lines)
    if found:
        more = f" (1 of {len(found)})" if len(found) > 1 else ""
        return [f"error: {clip(found[0], _LINE_CHARS)}{more}"]
    first = next((line for line in lines if line.strip()), "")
    return [f"error: {clip(first, _LINE_CHARS)}"] if source.is_error else []


def _log_fields(_source: Source, output: Output) -> list[str]:
    lines = [line for line in logs.plain_lines(output.body) if line.strip()]
    if not lines:
        return ["empty"]
    if len(lines) == 1:
        return [f"line: {clip(lines[0], _LINE_CHARS)}"]
    return [f"first: {clip(lines[0], 120)}", f"last: {clip(lines[-1], _LINE_CHARS)}"]


def _code_fields(_source: Source, output: Output) -> list[str]:
    names = source_code.outline(output.body).names
    return [f"defines: {listed(names, _LIST_CHARS)}"] if names else []


def _diff_fields(_source: Source, output: Output) -> list[str]:
    _, files = diffs.changes(output.body)
    return [f"changes: {listed((f'{f.path} +{f.added} -{f.removed}' for f in files), _LIST_CHARS)}"]


def _search_fields(_source: Source, output: Output) -> list[str]:
    files, paths, others = search_results.group(output.body)
    fields = []
    if files:
        counts = [
            f"{file.path or 'hits'} ({sum(is_hit for _, is_hit in file.lines)})" for file in files
        ]
        fields.append(f"hits: {listed(counts, _LIST_CHARS)}")
    if paths:
        folders = search_results.by_folder(paths)
        counts = [f"{folder or './'} ({len(names)})" for folder, names in folders.items()]
        fields.append(f"paths: {listed(paths if len(paths) < 4 else counts, _LIST_CHARS)}")
    if others:
        fields.append(f"says: {clip(others[0], 120)}")
    return fields


def _prose_fields(_source: Source, output: Output) -> list[str]:
    fields = [f"starts: {first_sentence(output.body.lstrip('# '), _LINE_CHARS)}"]
    if found := prose.headings(output.body):
        fields.append(f"headings: {listed(found, _LIST_CHARS, ' | ')}")
    return fields


def _chat_fields(_source: Source, output: Output) -> list[str]:
    fields = [f"says: {first_sentence(output.body, _LINE_CHARS)}"]
    asked = [s for s in sentences(output.body) if s.endswith("?")]
    if asked:
        fields.append(f"asks: {clip(asked[-1].rsplit(chr(10), 1)[-1], _LINE_CHARS)}")
    return fields


def _json_fields(source: Source, output: Output) -> list[str]:
    document = json_documents.unpack(output)
    if document is None:
        return _log_fields(source, output)
    values = document[1]
    value = values[0] if len(values) == 1 else values
    if not isinstance(value, dict):
        return [f"value: {_summary(value, depth=2)}"]
    fields = [
        f"{clip(str(key), 40)}: {_summary(item)}" for key, item in list(value.items())[:_KEYS_MAX]
    ]
    if len(value) > _KEYS_MAX:
        fields.append(f"+{len(value) - _KEYS_MAX} more keys")
    return fields


def _summary(value: object, depth: int = 1) -> str:
    """Value of a scalar; keys of an object; count and first item's keys of an array."""
    if isinstance(value, Mapping):
        return "{" + listed((clip(str(key), 40) for key in value), 160) + "}"
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        first = _summary(value[0], depth - 1) if depth else "…"
        return f"[{len(value)}: {first}, …]" if len(value) > 1 else f"[{first}]"
    if isinstance(value, Number):
        return clip(value, _VALUE_CHARS)
    if isinstance(value, str):
        return clip(value, _VALUE_CHARS) or '""'
    return clip(json.dumps(value, default=type_name), _VALUE_CHARS)


_BY_KIND: dict[ContentKind, Callable[[Source, Output], list[str]]] = {
    ContentKind.JSON: _json_fields,
    ContentKind.LOG: _log_fields,
    ContentKind.CODE: _code_fields,
    ContentKind.DIFF: _diff_fields,
    ContentKind.SEARCH: _search_fields,
    ContentKind.PROSE: _prose_fields,
    ContentKind.CHAT: _chat_fields,
}
