"""Source code: the outline, with the line numbers that the source came with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .forms import Form, Source
from .numbered import is_numbered, split_numbers
from .output import unwrap
from .text import finish, ink, split_lines, words

__all__ = ["Outline", "compress", "outline"]

_WORD = re.compile(r"[#@]?[A-Za-z_$][\w$!]*|[#@]")
_HEAD = re.compile(r"[\w$#*&:<>,~\s\[\].|?=\"'-]+")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*\s*[:=](?!=)")
_NAME = re.compile(
    r"(?:(?:func|fn|def|class|interface|type|struct|enum|trait|function|module|mod|namespace|impl)\b"
    r"\s*\*?\s*(?:\([^()\n]{0,80}\)\s*)?([A-Za-z_$][\w$]*)"
    r"|(?:const|let|var)\s+([A-Za-z_$][\w$]*))"
)
_FUNCTION_VALUE = re.compile(
    r"(?:const|let|var)\s+[\w$]+\s*(?::[^=\n]{0,200})?=\s*(?:async\s+)?"
    r"(?:function\b|\([^()\n]{0,300}\)\s*(?::[^=\n]{0,100})?=>|[\w$]+\s*=>|\($)"
)
_CALLED_NAME = re.compile(r"([A-Za-z_$#~][\w$]*)\s*(?:<[^<>()\n]{0,80}>)?\(")

_ANYWHERE = words(
    "def class func fn function interface struct enum trait impl mod namespace protocol extension "
    "export public private protected internal abstract override pub object record typedef "
    "#include #define #import @interface @implementation"
)
_OUTERMOST = words(
    "import from package using use require include module type const let var static extern "
    "data sealed final async declare create alter select with @ local readonly"
)
_TEST_CALLS = ("describe(", "it(", "test(", "suite(", "context(", "t.Run(")
# Indented lines that start with none of these, end in no "{" and call no test define nothing.
_FIRST_WORDS = _ANYWHERE | {"const", "let", "var", "static", "async", "type"}
_CONTROL = words(
    "if for while switch catch else elif return do try finally with select match case when unless "
    "until foreach await yield throw new delete typeof default defer go"
)
_TYPE_HEAD = re.compile(
    r"(?:export |default |declare |pub |pub\(crate\) |public |internal |const )*"
    r"(?:interface|enum|struct|type \w+ (?:struct|interface|=)|type \w+<[^<>\n]{0,80}> =)\W"
)
_IMPORTS = ("import", "from", "export {", "use ")
_SIGNATURE_LINES_MAX = 12
_TYPE_LINES_MAX = 60
_IMPORT_LINES_MAX = 60
_LINE_MAX = 400
_SHARE_MAX = 0.6  # an outline that keeps more than this of a text is none
_DEPTH_FALLBACK_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of a source.

    Parameters
    ----------
    lines : list of str
        The kept lines, with their numbers where the source had any.
    names : list of str
        What they define, in order, each name once.
    kept : int
        Characters of source that stand in `lines`, white space not counted.
    total : int
        Characters of the whole source, counted the same way.
    """

    lines: list[str]
    names: list[str]
    kept: int
    total: int


def compress(source: Source) -> Form | None:
    """Reduce source code to its outline.

    Kept are imports, definitions with their whole signature, heads of classes and types, constants
    and the titles of test cases; where a cut-out of a file defines nothing, its outermost lines.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form or None
        ``None`` for a text without a line to keep.
    """
    output = unwrap(source.text)
    found = outline(output.body)
    if not found.lines:
        return None
    lines = [*found.lines, output.note] if output.note else found.lines
    # Definitions are quoted more than bodies: 1.1 times their share on the sessions measured for
    # docs/representations.md, 1.45 times in a larger study.
    quality = min(0.95, 1.2 * found.kept / found.total)
    return finish("outline", source, "\n".join(lines), quality, status=output.status)


@lru_cache(maxsize=2)
def outline(body: str) -> Outline:
    """Outline of a piece of source in any common language."""
    raw = split_lines(body)
    if is_numbered(raw):
        numbers, raw = split_numbers(raw)
    else:
        numbers = None
    lines = [line.rstrip() for line in raw]
    total = ink("\n".join(lines))
    marks, names = _definitions(lines)
    kept = _ink_at(lines, marks)
    if not kept or kept < 0.02 * total or kept > _SHARE_MAX * total:
        shallow = _shallow_lines(lines, total)
        poor = kept and kept <= _SHARE_MAX * total
        marks = sorted({*marks, *shallow}) if poor else shallow
        kept = _ink_at(lines, marks)
    shown = [_shown(lines[index], numbers[index] if numbers else "") for index in marks]
    return Outline(shown, names, kept, total)


def _ink_at(lines: list[str], indexes: list[int]) -> int:
    return ink("\n".join([lines[index] for index in indexes]))


def _shown(line: str, number: str) -> str:
    return number + (line if len(line) <= _LINE_MAX else f"{line[:_LINE_MAX]}…")


def _definitions(lines: list[str]) -> tuple[list[int], list[str]]:
    """Indexes of the lines of the outline, and the names that they define."""
    marks: list[int] = []
    names: dict[str, None] = {}
    end = 0
    for index in _candidates(lines):
        if index < end:
            continue
        line = lines[index]
        stripped = line.lstrip()
        if _defines(stripped, len(line) - len(stripped)):
            end = _signature_end(lines, index, stripped)
            marks += (i for i in range(index, end) if lines[i])
            if name := _defined_name(stripped):
                names[name] = None
    return marks, list(names)


def _candidates(lines: list[str]) -> list[int]:
    """Lines worth a closer look: told by their first word or last character, as that is cheap."""
    stripped = [line.lstrip() for line in lines]
    return [
        index
        for index, line in enumerate(stripped)
        if line
        and (
            line[-1] == "{"
            or line.partition(" ")[0] in _FIRST_WORDS
            or (len(line) == len(lines[index]) > 3)  # not indented
            or line[0] == "@"
            or line.startswith(_TEST_CALLS)
        )
    ]


def _defines(stripped: str, indent: int) -> bool:
    match = _WORD.match(stripped)
    if match is None:
        return indent == 0 and stripped[0] in "[." and stripped[-1] in "]{"
    word = match[0]
    if word in _ANYWHERE or (indent == 0 and word.lower() in _OUTERMOST):
        return True
    if word in _CONTROL:
        return False
    if word[0] == "@":
        return len(stripped) < 100 and indent <= 8 and stripped[-1] not in ",;"
    if stripped.startswith(_TEST_CALLS):
        return True
    if stripped[-1] == "{":
        return indent == 0 or _is_method_head(stripped)
    if word in ("const", "let", "var", "static", "async", "type") and indent <= 4:
        return word in ("async", "type", "static") or _FUNCTION_VALUE.match(stripped) is not None
    return indent == 0 and (
        _CONSTANT.match(stripped) is not None
        or (stripped[-1] == ")" and " " in stripped.split("(", 1)[0] and _is_method_head(stripped))
        or stripped[-1] == ":"
    )


def _is_method_head(stripped: str) -> bool:
    """Whether a line reads as ``name(arguments) {``: no assignment, no dot before the bracket."""
    head, parenthesis, _ = stripped.partition("(")
    return bool(
        parenthesis
        and len(head) < 200
        and " = " not in head
        and "." not in head
        and head[:1].isidentifier()
        and _HEAD.fullmatch(head)
    )


def _signature_end(lines: list[str], start: int, stripped: str) -> int:
    """Index after the last line of what starts here and whose brackets are still open.

    A signature, an import list, or the body of a type: its fields are its signature.
    """
    most: int
    brackets: tuple[str, ...]
    if stripped.startswith(_IMPORTS):
        most, brackets = _IMPORT_LINES_MAX, ("()", "{}")
    elif stripped[-1] == "{" and _TYPE_HEAD.match(stripped):
        most, brackets = _TYPE_LINES_MAX, ("()", "{}")
    else:
        most, brackets = _SIGNATURE_LINES_MAX, ("()",)
    indent = len(lines[start]) - len(stripped)
    depth = 0
    for index in range(start, min(start + most, len(lines))):
        line = lines[index]
        if index > start and not _continues(line, indent):
            break
        depth += sum(line.count(pair[0]) - line.count(pair[1]) for pair in brackets)
        # A body that opens in an argument, as in it("...", () => {, ends the signature too.
        if depth <= 0 or line.endswith(("=> {", ") {")):
            return index + 1
    return start + 1


def _continues(line: str, indent: int) -> bool:
    """Whether a line can belong to what opened at `indent`: deeper, or closing it, or blank."""
    stripped = line.lstrip()
    return not stripped or len(line) - len(stripped) > indent or stripped[0] in ")}]>"


def _defined_name(stripped: str) -> str | None:
    if stripped.startswith(_IMPORTS):
        return None
    head = stripped[:300]
    match = _NAME.search(head)
    if match:
        return match[1] or match[2]
    if head[-1] in "{:)" and (called := _CALLED_NAME.search(head)):
        return called[1] if called[1] not in _CONTROL else None
    return None


def _shallow_lines(lines: list[str], total: int) -> list[int]:
    """The outermost lines, level by level of indentation, as long as they stay a small share."""
    levels: dict[int, list[int]] = {}
    for index, line in enumerate(lines):
        stripped = line.lstrip()
        if len(stripped) > 3:
            levels.setdefault(len(line) - len(stripped), []).append(index)
    marks: list[int] = []
    kept = 0
    for indent in sorted(levels):
        kept += _ink_at(lines, levels[indent])
        if kept > _DEPTH_FALLBACK_SHARE * total:
            break
        marks += levels[indent]
    return sorted(marks)
